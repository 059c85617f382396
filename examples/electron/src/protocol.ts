/** What the page asks of the pipeline's process. */
export type Request =
  | { type: "sample"; id: number; prompt: string; reference: Uint8Array; frames?: number; steps?: number }
  | { type: "cancel"; id: number };

/** 8-bit RGB, `3 * width * height` bytes. */
export interface Frame {
  data: Uint8Array;
  width: number;
  height: number;
}

/** What the pipeline's process tells the page. */
export type Reply =
  | { type: "ready" }
  | { type: "unavailable"; message: string }
  | { type: "progress"; id: number; step: number; steps: number; preview?: Frame }
  | { type: "frame"; id: number; index: number; count: number; fps: number; frame: Frame }
  | { type: "done"; id: number; seed: number }
  | { type: "failed"; id: number; code: string; message: string };

/** Either end of the channel between them, whatever its platform calls its methods. */
export interface Port {
  post(reply: Reply): void;
  onRequest(listener: (request: Request) => void): void;
  onClose(listener: () => void): void;
}
