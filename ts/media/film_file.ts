import type { FileHandle } from "node:fs/promises";
import { open, stat } from "node:fs/promises";
import { throwIfAborted } from "../errors.js";
import { damaged, FilmError } from "./film_error.js";

/** What is read at a time where less is asked for: packets follow one another. */
const blockBytes = 2 ** 18;
/** The largest piece that is ever in memory: an index, a cluster or a frame. */
const maxPieceBytes = 2 ** 28;
/** Reads of what was passed already, beside one for each of so many bytes: more of them lead round and round. */
const maxRereads = 10_000;
const bytesToReread = 32;

/** A film's file, read piece by piece. It is open only while a piece is read: nothing has to be closed. */
export class FilmFile {
  readonly size: number;
  readonly #path: string;
  readonly #changed: number;
  readonly #signal: AbortSignal | undefined;
  /** How far anything was read since the file was last begun, and how often nothing new was. */
  #furthest = 0;
  #rereads = 0;
  #block: { start: number; bytes: Buffer } = { start: 0, bytes: Buffer.alloc(0) };

  private constructor(path: string, size: number, changed: number, signal: AbortSignal | undefined) {
    this.#path = path;
    this.size = size;
    this.#changed = changed;
    this.#signal = signal;
  }

  static async open(path: string, signal: AbortSignal | undefined): Promise<FilmFile> {
    const stats = await stat(path);
    if (!stats.isFile()) throw new FilmError("it is not a file");
    return new FilmFile(path, stats.size, stats.mtimeMs, signal);
  }

  /** Before anything that may read all of the file. */
  begin(): void {
    this.#furthest = 0;
    this.#rereads = 0;
  }

  /** The bytes from `start` up to `end`, fewer where the file ends before. */
  async read(start: number, end: number): Promise<Buffer> {
    throwIfAborted(this.#signal);
    this.#rereads = end > this.#furthest ? 0 : this.#rereads + 1;
    this.#furthest = Math.max(this.#furthest, end);
    if (this.#rereads > maxRereads + this.size / bytesToReread) throw damaged();
    const last = Math.min(end, this.size);
    if (last <= start) return Buffer.alloc(0);
    if (last - start > maxPieceBytes) {
      throw new FilmError(
        `a piece of it is ${last - start} bytes long, and ${maxPieceBytes} can be read at a time`,
      );
    }
    const { bytes, start: from } = this.#block;
    if (start >= from && last <= from + bytes.length) return bytes.subarray(start - from, last - from);
    const piece = await this.#load(start, Math.min(Math.max(last, start + blockBytes), this.size));
    if (piece.length <= blockBytes) this.#block = { start, bytes: piece };
    return piece.subarray(0, last - start);
  }

  async #load(start: number, end: number): Promise<Buffer> {
    const file = await open(this.#path);
    try {
      const { size, mtimeMs } = await file.stat();
      if (size !== this.size || mtimeMs !== this.#changed)
        throw new FilmError("it changed while it was read");
      return await readFully(file, Buffer.allocUnsafeSlow(end - start), start);
    } finally {
      await file.close();
    }
  }
}

async function readFully(file: FileHandle, bytes: Buffer, start: number): Promise<Buffer> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw new FilmError("it changed while it was read");
    done += bytesRead;
  }
  return bytes;
}
