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
    const read: VideoReader["read"] = async (indices, fit) =>
      indices.length === 0 ? [] : readable(path, () => reader.read(indices, fit));
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

/** What a file is by its first bytes: "MP4", "PNG" ...; undefined where it is none that is known. ERR_MEDIA where it can't be read. */
export async function sniffFile(path: string): Promise<string | undefined> {
  const [format] = await readable(path, async () => [sniff(await readHead(path))]);
  return format;
}

async function openAny(path: string, signal: AbortSignal | undefined): Promise<VideoReader | undefined> {
  const format = sniff(await readHead(path));
  if (format === "GIF" || format === "WebP") return openAnimation(await readFile(path), signal);
  if (format === "MP4" || format === "WebM") return openFilm(path, format, signal);
  return undefined;
}

/** Of an animation that are decoded at a time. */
const maxPixelsAtOnce = 2 ** 26;

async function openAnimation(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<VideoReader> {
  const sharp = await loadSharp();
  const { pages: count = 1, delay = [], width, height } = await sharp(bytes).metadata();
  const decoded = withTransparency(bytes);
  const total = delay.reduce((sum, each) => sum + each, 0);
  const size = 3 * width * height;
  const most = Math.max(1, Math.floor((3 * maxPixelsAtOnce) / size));
  const readPages = async (page: number, pages: number) =>
    sharp(decoded, { page, pages, failOn: "error" })
      .flatten({ background: "#fff" })
      .toColourspace("srgb")
      .raw()
      .toBuffer();
  const read: VideoReader["read"] = async (indices, fit) => {
    const pictures = new Map<number, Uint8Array>();
    const wanted = [...new Set(indices)].sort((a, b) => a - b);
    for (let group = wanted; group[0] !== undefined; group = wanted.filter((index) => !pictures.has(index))) {
      throwIfAborted(signal);
      const page = group[0];
      const together = group.filter((index) => index < page + most);
      const frames = await readPages(page, (together.at(-1) as number) - page + 1);
      for (const index of together) {
        const data = frames.subarray((index - page) * size, (index - page + 1) * size);
        pictures.set(index, fit ? (await fit({ data, width, height })).data : data);
      }
    }
    return indices.map((index) => pictures.get(index) as Uint8Array);
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
