import { CameoError } from "./errors.js";
import type { FrameQueue } from "./frame_queue.js";
import type { CompleteSampleRequest } from "./options/sample_options.js";
import { ownRequest, type SaveOptions, saveFilm } from "./video.js";

/**
 * A film whose frames come as they are decoded, each RGB (height, width, 3): it is iterated or saved, once. However long it is,
 * it takes the memory of a few frames. The pipeline waits for whoever takes them; one that is left, or closed, goes on.
 */
export class FilmStream implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #queue: FrameQueue;
  #isBegun = false;
  /** How many frames. */
  readonly count: number;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Frames a second. */
  readonly fps: number;
  /** As `Video.request`. */
  readonly request: CompleteSampleRequest;

  /** @internal */
  constructor(request: CompleteSampleRequest, queue: FrameQueue) {
    const { frames, width, height, fps } = request;
    this.#queue = queue;
    this.count = frames;
    this.width = width;
    this.height = height;
    this.fps = fps;
    this.request = ownRequest(request);
  }

  /** As `Video.warnings`; complete once the last frame was taken. */
  get warnings(): readonly string[] {
    return this.#queue.warnings;
  }

  /** The frames. Throws as `Pipeline.sample` rejects; ERR_BUSY where they are taken already. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    if (this.#isBegun) throw new CameoError("ERR_BUSY", "the film's frames come once; sample it again");
    this.#isBegun = true;
    try {
      for (;;) {
        await this.#queue.ready();
        const frame = this.#queue.shift();
        if (frame === undefined) return;
        yield frame.data;
        frame.taken();
      }
    } finally {
      await this.close();
    }
  }

  /** As `Video.save`, frame by frame; of .gif and .webp all frames are in memory while they are written. */
  async save(path: string, options: SaveOptions = {}): Promise<string[]> {
    const { count, width, height, fps, request } = this;
    return saveFilm(path, { frames: this, count, width, height, fps }, request, options);
  }

  /** Ends what is still computed for it. */
  async close(): Promise<void> {
    this.#isBegun = true;
    await this.#queue.stop();
  }

  /** What `await using` calls: `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
