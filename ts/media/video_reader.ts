import { open, readFile, stat } from "node:fs/promises";
import { CameoError, throwIfAborted } from "../errors.js";
import { fileReason } from "./files.js";
import { FilmError } from "./film_error.js";
import { filmSize, openFilm } from "./film_reader.js";
import { withTransparency } from "./gif.js";
import { loadSharp } from "./libraries.js";
import type { RawVideo, VideoReader } from "./raw_video.js";
import { sniff } from "./signature.js";

export interface OpenVideoOptions {
  /** Ends the opening and every reading. */
  signal?: AbortSignal | undefined;
}

/** Opens an MP4, MOV, WebM, MKV, GIF or WebP; ERR_MEDIA where it can't be read. */
export async function openVideo(path: string, { signal }: OpenVideoOptions = {}): Promise<VideoReader> {
  throwIfAborted(signal);
  return readable(path, async () => {
    const reader = await openAny(path, signal);
    if (reader === undefined) return undefined;
    const read: VideoReader["read"] = async (indices) =>
      indices.length === 0 ? [] : readable(path, () => reader.read(indices));
    return { ...reader, read };
  });
}

/** All frames of an MP4, MOV, WebM, MKV, GIF or WebP as RGB; ERR_MEDIA where it can't be read. */
export async function readVideo(path: string, options: OpenVideoOptions = {}): Promise<RawVideo> {
  const { count, width, height, fps, read } = await openVideo(path, options);
  const frames = Buffer.concat(await read(Array.from({ length: count }, (_, i) => i)));
  return { frames, count, width, height, fps };
}

/** Width and height of an MP4, MOV, WebM, MKV, GIF or WebP, by its header alone; ERR_MEDIA where it can't be read. */
export async function readVideoSize(path: string): Promise<{ width: number; height: number }> {
  return readable(path, async () => {
    const format = sniff(await readHead(path));
    if (format === "MP4" || format === "WebM") return filmSize(path, format);
    if (format !== "GIF" && format !== "WebP") return undefined;
    const { width, height } = await (await loadSharp())(path).metadata();
    return { width, height };
  });
}

async function openAny(path: string, signal: AbortSignal | undefined): Promise<VideoReader | undefined> {
  const format = sniff(await readHead(path));
  if (format === "GIF" || format === "WebP") return openAnimation(await readFile(path));
  if (format === "MP4" || format === "WebM") return openFilm(path, format, signal);
  return undefined;
}

async function openAnimation(bytes: Uint8Array): Promise<VideoReader> {
  const sharp = await loadSharp();
  const { pages: count = 1, delay = [], width, height } = await sharp(bytes).metadata();
  const decoded = withTransparency(bytes);
  const total = delay.reduce((sum, each) => sum + each, 0);
  const read = async (indices: readonly number[]) => {
    const page = Math.min(...indices);
    const pages = Math.max(...indices) - page + 1;
    const frames = await sharp(decoded, { page, pages, failOn: "error" })
      .flatten({ background: "#fff" })
      .toColourspace("srgb")
      .raw()
      .toBuffer();
    const size = 3 * width * height;
    return indices.map((index) => frames.subarray((index - page) * size, (index - page + 1) * size));
  };
  return { count, width, height, fps: total > 0 ? (1000 * count) / total : 1, read };
}

async function readHead(path: string): Promise<Uint8Array> {
  // Opening a pipe would wait for whoever writes to it.
  if (!(await stat(path)).isFile()) throw new FilmError("it is not a file");
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(64) });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** What `read` gives; ERR_MEDIA that names the path where it fails, or finds no format that it knows. */
async function readable<T>(path: string, read: () => Promise<T | undefined>): Promise<T> {
  let result: T | undefined;
  try {
    result = await read();
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    const reason = fileReason(cause).trim().replace(/\s+/g, " ");
    throw new CameoError("ERR_MEDIA", `${path} can't be read: ${reason}`, { cause });
  }
  if (result !== undefined) return result;
  throw new CameoError("ERR_MEDIA", `${path} is no film that can be read; give an MP4, WebM, GIF or WebP`);
}
