import type { CameoError, Pipeline } from "cameo";
import type { Port, Request } from "./protocol.js";

/**
 * Serves the requests of one page until its port closes. `load` is called once, at the start. Nothing here is
 * Electron's: any two ends of a channel will do.
 */
export async function serve(port: Port, load: () => Promise<Pipeline>): Promise<void> {
  const running = new Map<number, AbortController>();
  const closed = new Promise<void>((resolve) => port.onClose(resolve));
  try {
    await using pipe = await load();
    port.onRequest((request) => {
      if (request.type === "cancel") running.get(request.id)?.abort();
      else void sample(pipe, port, request, running);
    });
    port.post({ type: "ready" });
    await closed;
    for (const controller of running.values()) controller.abort();
  } catch (error) {
    port.post({ type: "unavailable", message: (error as Error).message });
  }
}

async function sample(
  pipe: Pipeline,
  port: Port,
  { id, prompt, reference, frames, steps }: Extract<Request, { type: "sample" }>,
  running: Map<number, AbortController>,
): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const video = await pipe.sample({
      prompt,
      reference,
      frames,
      steps,
      preview: true,
      signal: controller.signal,
      onProgress: ({ phase, step, steps, preview }) => {
        if (phase === "denoise")
          port.post({ type: "progress", id, step, steps, ...(preview && { preview }) });
      },
    });
    const { width, height, count, fps } = video;
    const bytes = 3 * width * height;
    for (let index = 0; index < count; index++) {
      // A copy of its own: a view would take all frames along in every message.
      const data = video.frames.slice(index * bytes, (index + 1) * bytes);
      port.post({ type: "frame", id, index, count, fps, frame: { data, width, height } });
    }
    port.post({ type: "done", id, seed: video.request.seed });
  } catch (error) {
    const { code, message } = error as CameoError;
    port.post({ type: "failed", id, code, message });
  } finally {
    running.delete(id);
  }
}
