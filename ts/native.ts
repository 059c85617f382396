/** The addon's surface, in one place. Nothing outside this folder sees these types. */

/** 8-bit RGB, row by row, `3 * width * height` bytes. */
export interface RgbImage {
  data: Uint8Array;
  width: number;
  height: number;
}

export interface NativeLoadOptions {
  base: string;
  motion?: string;
  subject?: string;
  device: string;
  dtype: string;
}

export interface NativeSampleRequest {
  /** Token ids with start, end and padding; as many as the text encoder has positions. */
  promptIds: Int32Array;
  negativeIds: Int32Array;
  /** Already fitted to `width` x `height`. */
  references: RgbImage[];
  frames: number;
  width: number;
  height: number;
  steps: number;
  guidanceScale: number;
  scheduler: string;
  seed: number;
  referenceNoise: number;
  referenceNoiseMode: "independent" | "as-released";
  referenceLatents: "mode" | "sample";
  vaeTiling: boolean;
  preview: boolean;
  /** Where to write the intermediate tensors, as safetensors. */
  saveLatents?: string;
}

export interface NativeProgress {
  phase: "load" | "encode" | "denoise" | "decode";
  /** Units done of `steps` in this phase: tensors, images, network evaluations, frames. */
  step: number;
  steps: number;
  /** A small picture of the middle frame as predicted so far; only while denoising, only where asked for. */
  preview?: RgbImage;
}

export interface NativeTask<T> {
  /** Rejects with an Error whose `code` is one of `ErrorCode`. */
  promise: Promise<T>;
  /** The promise rejects with ERR_ABORTED within one network evaluation; harmless after the end. */
  abort(): void;
}

export type OnNativeProgress = (progress: NativeProgress) => void;

/** One pipeline: a thread of its own that runs its tasks one after another. */
export interface NativePipeline {
  load(options: NativeLoadOptions, onProgress: OnNativeProgress): NativeTask<undefined>;
  /** RGB frames, (frames, height, width, 3). */
  sample(request: NativeSampleRequest, onProgress: OnNativeProgress): NativeTask<Uint8Array>;
  /** JSON of `PipelineDescription`. */
  describe(): string;
  /** Aborts what is running or queued; the memory is back when it resolves. */
  close(): Promise<undefined>;
}

export interface NativeAddon {
  Pipeline: new () => NativePipeline;
  /** JSON of `Inspection`: what a weight file or folder is; runs nothing in it. */
  inspect(path: string): Promise<string>;
  /** JSON of `RuntimeDescription`: libtorch's version and the devices it sees. */
  runtime(): Promise<string>;
}
