import { existsSync } from "node:fs";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import { shortened } from "../quote.js";
import { PendingFiles } from "./files.js";
import { encodeFilm } from "./film.js";
import { checkOutputPath, type Format, framePath, parseOutput } from "./formats.js";
import { loadSharp, loadWebcodecs } from "./libraries.js";
import type { VideoMetadata } from "./metadata.js";
import { encodeAnimation, encodeStill, fastest } from "./pictures.js";
import { type FilmFrames, framesOf, type RawVideo } from "./raw_video.js";

export interface WriteOptions {
  signal?: AbortSignal | undefined;
  /** Without it, a file that exists is an ERR_INVALID_OPTION. */
  overwrite?: boolean | undefined;
  /** Called with what is written otherwise than asked for. */
  onWarning?: ((message: string) => void) | undefined;
}

/**
 * Writes a film, an animation, a picture or a sequence of pictures, as the path's extension says, and returns the
 * files written. They hold the metadata and the mark that they are AI-generated; nothing appears under their names
 * before it is complete. The same frames and metadata give the same bytes.
 */
export async function writeVideo(
  path: string,
  video: RawVideo | FilmFrames,
  metadata: VideoMetadata,
  { signal, overwrite = true, onWarning }: WriteOptions = {},
): Promise<string[]> {
  const { format, sequence } = parseOutput(path, video.count);
  checkVideo(video);
  throwIfAborted(signal);
  const paths = sequence ? Array.from({ length: video.count }, (_, i) => framePath(path, i)) : [path];
  if (!overwrite) refuseExisting(paths);
  const isStill = sequence || video.count === 1;
  if (!isStill && isAnimation(format)) warnOfRate(video.fps, format, onWarning);
  const files = new PendingFiles(signal);
  try {
    let written = 0;
    for await (const bytes of encoded(video, format, isStill, metadata, signal)) {
      await files.write(paths[written++] as string, bytes);
    }
    if (written !== paths.length)
      throw new CameoError("ERR_MEDIA", `${written} frames came instead of ${paths.length}`);
    await files.commit();
    return paths;
  } catch (cause) {
    throw signal?.aborted ? abortError(signal) : encodeError(video, format, cause);
  } finally {
    await files.discard();
  }
}

/**
 * Rejects, before there are frames, where `writeVideo` couldn't write as many to a path: ERR_INVALID_OPTION for the path,
 * ERR_MEDIA for a library that isn't installed.
 */
export async function checkOutput(path: string, frames?: number): Promise<void> {
  checkOutputPath(path, frames);
  await loadEncoder(path);
}

/**
 * Loads the library that writes what the path's extension says: ERR_MEDIA where it isn't installed, which is better known
 * before there are frames to write.
 */
export async function loadEncoder(path: string): Promise<void> {
  const { format } = parseOutput(path);
  await (format === "mp4" || format === "webm" ? loadWebcodecs() : loadSharp());
}

function isAnimation(format: Format): format is keyof typeof fastest {
  return format in fastest;
}

function warnOfRate(fps: number, format: keyof typeof fastest, onWarning: WriteOptions["onWarning"]): void {
  if (fps <= fastest[format]) return;
  const played = `browsers play at most ${fastest[format]} frames a second of a .${format}`;
  onWarning?.(`${played}: it has that rate, and takes longer than at ${fps}; .mp4 and .webm keep the rate`);
}

function refuseExisting(paths: string[]): void {
  const existing = paths.find((path) => existsSync(path));
  if (existing === undefined) return;
  throw new CameoError(
    "ERR_INVALID_OPTION",
    `${shortened(existing)} exists already; choose another name, or allow overwriting`,
  );
}

/** What is in the files, one after another. */
async function* encoded(
  video: RawVideo | FilmFrames,
  format: Format,
  isStill: boolean,
  metadata: VideoMetadata,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (format === "mp4" || format === "webm") yield encodeFilm(video, format, metadata, signal);
  else if (format === "png" || format === "jpeg" || (format === "webp" && isStill)) {
    for await (const frame of framesOf(video)) yield encodeStill(frame, video, format, metadata);
  } else yield encodeAnimation(video, format, metadata);
}

function encodeError(
  { count, width, height }: RawVideo | FilmFrames,
  format: Format,
  cause: unknown,
): CameoError {
  if (cause instanceof CameoError) return cause;
  const reason = String((cause as Error).message).replace(/\s+/g, " ");
  const message = `${count} frames of ${width}x${height} can't be written as ${format}: ${reason}; try another format`;
  return new CameoError("ERR_MEDIA", message, { cause });
}

function checkVideo({ frames, count, width, height, fps }: RawVideo | FilmFrames): void {
  for (const [name, value] of Object.entries({ count, width, height })) {
    if (!Number.isInteger(value) || value < 1 || value > 65535) {
      throw new CameoError(
        "ERR_INVALID_OPTION",
        `${name} ${value}: a whole number from 1 to 65535 is needed`,
      );
    }
  }
  if (!(fps >= 1 && fps <= 1000))
    throw new CameoError("ERR_INVALID_OPTION", `fps ${fps}: 1 to 1000 are possible`);
  const size = 3 * width * height * count;
  if (frames instanceof Uint8Array && frames.length !== size) {
    const what = `${count} RGB frames of ${width}x${height}`;
    throw new CameoError("ERR_INVALID_OPTION", `frames: ${what} are ${size} bytes, not ${frames.length}`);
  }
}
