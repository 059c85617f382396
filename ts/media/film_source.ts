import { stat } from "node:fs/promises";
import { CameoError, throwIfAborted } from "../errors.js";
import type { RgbImage } from "../native.js";
import { quoted } from "../quote.js";
import { fileReason } from "./files.js";
import { framePaths } from "./frame_folder.js";
import {
  checkImage,
  type Fit,
  fitImage,
  type ImageSource,
  type OpenImage,
  openImage,
  readImage,
} from "./image.js";
import { isFilm } from "./names.js";
import type { FitFrame, RawVideo } from "./raw_video.js";
import { sniff } from "./signature.js";
import { ByteBudget, placeOf } from "./source.js";
import { openVideo, sniffFile } from "./video_reader.js";

/** Frames as they are: RGB, one after another, each row by row. */
export interface RawFilm {
  /** 8 bits a channel, (frames, height, width, 3). */
  data: Uint8Array | Uint8ClampedArray;
  /** How many. */
  frames: number;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** Frames a second, where that is known. */
  fps?: number | undefined;
}

/**
 * The path of a film (MP4, MOV, WebM, MKV, GIF or WebP) or of a folder of frames, pictures one after another, frames as pixels, or
 * what `pipe.sample` gave. A single picture is a film of one frame.
 */
export type FilmSource = ImageSource | readonly ImageSource[] | RawFilm | RawVideo;

/** A film of which the frames are not decoded yet. */
export interface OpenFilm {
  /** As errors call it. */
  name: string;
  count: number;
  /** Frames a second; undefined where nothing says it. */
  fps: number | undefined;
  /** All frames at this size, decoded and fitted one after another. */
  decode(width: number, height: number, fit: Fit): Promise<RgbImage[]>;
  /** Whether a frame is so, at its own size; frames after the first that is are not decoded where they need not be. */
  some(isSo: (frame: RgbImage) => boolean): Promise<boolean>;
}

export interface OpenFilmOptions {
  /** What errors call the film, as in "video". */
  name: string;
  signal?: AbortSignal | undefined;
  /** What is left of encoded pictures for this film and a request's others. Default: one of its own. */
  budget?: ByteBudget | undefined;
}

/**
 * Opens a film of any kind. Pictures' bytes are read at once, films and folders when they are decoded. Errors are ERR_MEDIA for a
 * film, ERR_INVALID_IMAGE for a picture.
 */
export async function openFilmSource(source: FilmSource, options: OpenFilmOptions): Promise<OpenFilm> {
  const { name, signal, budget = new ByteBudget() } = options;
  throwIfAborted(signal);
  if (isRaw(source)) return openRaw(source, name, signal);
  if (isList(source)) {
    const images = source.map((each, i) => openImage(each, { signal, budget, name: frameName(name, i) }));
    return openImages(await Promise.all(images), { name, signal });
  }
  const place = await findFilm(source, name);
  if (place === undefined) return openImages([await openImage(source, { signal, budget, name })], options);
  if (place.kind === "folder") return openFolder(place.path, options);
  const { count, fps, read } = await filmErrors(place.path, name, () => openVideo(place.path, { signal }));
  return {
    name: filmName(place.path, name),
    count,
    fps,
    decode: async (width, height, fit) => {
      const indices = Array.from({ length: count }, (_, i) => i);
      const fitted = (frame: RgbImage) => fitImage(frame, width, height, fit);
      const frames = await filmErrors(place.path, name, () => read(indices, fitted));
      return frames.map((data) => ({ data, width, height }));
    },
    async some(isSo) {
      let found = false;
      const look = async (frame: RgbImage) => {
        found ||= isSo(frame);
        return nothing;
      };
      // As a rule the first frame says it.
      for (const indices of [[0], Array.from({ length: count - 1 }, (_, i) => i + 1)]) {
        if (!found) await filmErrors(place.path, name, () => read(indices, look));
      }
      return found;
    },
  };
}

/** What is kept of a frame that was only looked at. */
const nothing: RgbImage = { data: new Uint8Array(0), width: 0, height: 0 };

/** Whether it is fetched when it is opened, in part or as a whole. */
export function isFetched(source: FilmSource): boolean {
  if (isRaw(source)) return false;
  const places: readonly ImageSource[] = isList(source) ? source : [source];
  return places.some((place) => /^https?:/i.test(String(place instanceof Uint8Array ? "" : place)));
}

/** As `checkImage`, for films of any kind. */
export async function checkFilm(source: FilmSource, name: string): Promise<FilmFacts> {
  if (isRaw(source)) return openRaw(source, name);
  if (isList(source)) {
    for (const [i, each] of source.entries()) await checkImage(each, { name: frameName(name, i) });
    return { name, count: source.length, fps: undefined };
  }
  const place = await findFilm(source, name);
  if (place?.kind === "film") return openFilmSource(source, { name });
  if (place === undefined) {
    await checkImage(source, { name });
    return { name, count: 1, fps: undefined };
  }
  const { paths } = await folderOf(place.path, name);
  for (const [i, path] of paths.entries()) await checkImage(path, { name: frameName(name, i) });
  return { name: filmName(place.path, name), count: paths.length, fps: undefined };
}

export type FilmFacts = Pick<OpenFilm, "name" | "count" | "fps">;

/** Whether it is frames as pixels, right ones or not. */
function isRaw(source: unknown): source is RawFilm | RawVideo {
  if (typeof source !== "object" || source === null || !("width" in source && "height" in source))
    return false;
  return "frames" in source && ("data" in source || "count" in source);
}

const isList = (source: FilmSource): source is readonly ImageSource[] => Array.isArray(source);
const frameName = (name: string, index: number): string => `${name} frame ${index + 1}`;
const filmName = (path: string, name: string): string => `${name} ${quoted(path)}`;

type Place = { kind: "film" | "folder"; path: string };

/** Undefined where it is a picture, or nothing that is here. */
async function findFilm(source: ImageSource, name: string): Promise<Place | undefined> {
  if (source instanceof Uint8Array && /^(MP4|WebM)$/.test(sniff(source) ?? "")) {
    throw invalidFilm(name, "a film is read from a file: write its bytes to one, and give the path");
  }
  if (typeof source !== "string" && !(source instanceof URL)) return undefined;
  const path = placeOf(source, name);
  if (path instanceof URL && isFilm(path.pathname)) {
    throw invalidFilm(filmName(path.href, name), "a film is not fetched: download it, and give the path");
  }
  if (typeof path !== "string") return undefined;
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory()) return { kind: "folder", path };
  if (stats === undefined) return isFilm(path) ? { kind: "film", path } : undefined;
  const format = await filmErrors(path, name, () => sniffFile(path));
  if (format === "MP4" || format === "WebM") return { kind: "film", path };
  if (format === "GIF" || format === "WebP") {
    const { count } = await filmErrors(path, name, () => openVideo(path));
    return count > 1 ? { kind: "film", path } : undefined;
  }
  // A picture's reader says what is wrong with anything else, but for a file that its name calls a film.
  return isFilm(path) ? { kind: "film", path } : undefined;
}

/** The error of a film's reader, which names the path, with the option's name. */
async function filmErrors<T>(path: string, name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof CameoError) || cause.code !== "ERR_MEDIA") throw cause;
    const said = cause.message.startsWith(path) ? cause.message.slice(path.length) : `: ${cause.message}`;
    throw new CameoError("ERR_MEDIA", `${filmName(path, name)}${said}`, { cause });
  }
}

async function folderOf(path: string, name: string): Promise<{ paths: string[] }> {
  try {
    return { paths: await framePaths(path) };
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ? fileReason(cause) : "there are no pictures in it";
    throw new CameoError("ERR_MEDIA", `${filmName(path, name)} is no folder of frames: ${reason}`, { cause });
  }
}

async function openFolder(path: string, { name, signal }: OpenFilmOptions): Promise<OpenFilm> {
  const { paths } = await folderOf(path, name);
  const decodeOne = (i: number) => readImage(paths[i] as string, { signal, name: frameName(name, i) });
  return oneByOne(filmName(path, name), paths.length, decodeOne, signal);
}

function openImages(images: OpenImage[], { name, signal }: OpenFilmOptions): OpenFilm {
  const said = images.length === 1 ? (images[0] as OpenImage).name : name;
  return oneByOne(said, images.length, (i) => (images[i] as OpenImage).decode(), signal);
}

function oneByOne(
  name: string,
  count: number,
  decodeOne: (index: number) => Promise<RgbImage>,
  signal: AbortSignal | undefined,
  fps?: number,
): OpenFilm {
  return {
    name,
    count,
    fps,
    async decode(width, height, fit) {
      const fitFrame: FitFrame = (frame) => fitImage(frame, width, height, fit);
      const frames: RgbImage[] = [];
      for (let i = 0; i < count; i++) {
        throwIfAborted(signal);
        frames.push(await fitFrame(await decodeOne(i)));
      }
      return frames;
    },
    async some(isSo) {
      for (let i = 0; i < count; i++) {
        throwIfAborted(signal);
        if (isSo(await decodeOne(i))) return true;
      }
      return false;
    },
  };
}

function openRaw(film: RawFilm | RawVideo, name: string, signal?: AbortSignal): OpenFilm {
  const { width, height, fps } = film;
  const [data, count] = "data" in film ? [film.data, film.frames] : [film.frames, film.count];
  for (const [what, value] of Object.entries({ width, height, frames: count })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw invalidFilm(name, `its ${what} is ${value}; a whole number of at least 1 is needed`);
  }
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw invalidFilm(name, "its data is not a Uint8Array; give RGB bytes");
  }
  const size = 3 * width * height;
  if (data.length !== size * count) {
    const what = `${count} RGB frames of ${width}x${height}`;
    throw invalidFilm(name, `its data has ${data.length} bytes; ${what} need ${size * count}`);
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const frame = (i: number) => ({ data: bytes.subarray(i * size, (i + 1) * size), width, height });
  const said = `${name} (${count} frames of ${width}x${height})`;
  return oneByOne(said, count, async (i) => frame(i), signal, fps);
}

function invalidFilm(name: string, reason: string): CameoError {
  return new CameoError("ERR_MEDIA", `${name}: ${reason}`);
}
