import { randomBytes } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FilmStream } from "../film_stream.js";

/**
 * A film's frames, which can be taken again: those that came are kept on disk, where what is to be written doesn't fit into
 * memory, until all is written. The file has no name, so that nothing of it is left whatever happens.
 */
export class FrameSpool implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #count: number;
  readonly #frameBytes: number;
  readonly #file: FileHandle | undefined;
  #kept = 0;

  private constructor(
    { count, width, height }: FilmStream,
    source: AsyncIterator<Uint8Array>,
    file?: FileHandle,
  ) {
    this.#count = count;
    this.#frameBytes = 3 * width * height;
    this.#source = source;
    this.#file = file;
  }

  /** Beside the output. Where nothing can be kept, the frames come once. */
  static async open(film: FilmStream, output: string): Promise<FrameSpool> {
    const path = join(dirname(output), `.cameo-${randomBytes(6).toString("hex")}.frames`);
    const file = await open(path, "wx+", 0o600).catch(() => undefined);
    if (file) await rm(path, { force: true });
    return new FrameSpool(film, film[Symbol.asyncIterator](), file);
  }

  /** All frames from the first on. */
  async *frames(): AsyncGenerator<Uint8Array, void> {
    for (let i = 0; i < this.#count; i++) {
      const frame = i < this.#kept ? await this.#read(i) : await this.#next(i);
      if (frame === undefined) return;
      yield frame;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
  }

  async #next(i: number): Promise<Uint8Array | undefined> {
    const { value, done } = await this.#source.next();
    if (done) return undefined;
    const isKept = await this.#file?.write(value, 0, value.length, i * this.#frameBytes).then(
      ({ bytesWritten }) => bytesWritten === value.length,
      () => false,
    );
    if (isKept && this.#kept === i) this.#kept++;
    return value;
  }

  async #read(i: number): Promise<Uint8Array> {
    const frame = new Uint8Array(this.#frameBytes);
    await this.#file?.read(frame, 0, frame.length, i * this.#frameBytes);
    return frame;
  }
}
