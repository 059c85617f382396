import { existsSync } from "node:fs";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import { PendingFiles } from "./files.js";
import { encodeFilm } from "./film.js";
import { type Format, framePath, parseOutput } from "./formats.js";
import { loadSharp, loadWebcodecs } from "./libraries.js";
import type { VideoMetadata } from "./metadata.js";
import { encodeAnimation, encodeStill } from "./pictures.js";

/** Frames as the engine makes them. */
export interface RawVideo {
  /** RGB, (count, height, width, 3). */
  frames: Uint8Array;
  count: number;
  width: number;
  height: number;
  /** Frames per second. */
  fps: number;
}

export interface WriteOptions {
  signal?: AbortSignal | undefined;
  /** Without it, a file that exists is an ERR_INVALID_OPTION. */
  overwrite?: boolean | undefined;
}

/**
 * Writes a film, an animation, a picture or a sequence of pictures, as the path's extension says, and returns the
 * files written. They hold the metadata and the mark that they are AI-generated; nothing appears under their names
 * before it is complete. The same frames and metadata give the same bytes.
 */
export async function writeVideo(
  path: string,
  video: RawVideo,
  metadata: VideoMetadata,
  { signal, overwrite = true }: WriteOptions = {},
): Promise<string[]> {
  const { format, sequence } = parseOutput(path, video.count);
  checkVideo(video);
  throwIfAborted(signal);
  const paths = sequence ? Array.from({ length: video.count }, (_, i) => framePath(path, i)) : [path];
  if (!overwrite) refuseExisting(paths);
  const files = new PendingFiles(signal);
  try {
    for (const [frame, target] of paths.entries()) {
      const still = sequence || video.count === 1;
      const bytes = await encode(video, frame, format, still, metadata, signal).catch((cause) => {
        throw signal?.aborted ? abortError(signal) : encodeError(video, format, cause);
      });
      await files.write(target, bytes);
    }
    await files.commit();
    return paths;
  } finally {
    await files.discard();
  }
}

/**
 * Loads the library that writes what the path's extension says: ERR_MEDIA where it isn't installed, which is better known
 * before there are frames to write.
 */
export async function loadEncoder(path: string): Promise<void> {
  const { format } = parseOutput(path);
  await (format === "mp4" || format === "webm" ? loadWebcodecs() : loadSharp());
}

function refuseExisting(paths: string[]): void {
  const existing = paths.find((path) => existsSync(path));
  if (existing === undefined) return;
  throw new CameoError(
    "ERR_INVALID_OPTION",
    `${existing} exists already; choose another name, or allow overwriting`,
  );
}

async function encode(
  video: RawVideo,
  frame: number,
  format: Format,
  still: boolean,
  metadata: VideoMetadata,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (format === "mp4" || format === "webm") return encodeFilm(video, format, metadata, signal);
  if (format === "png" || format === "jpeg") return encodeStill(video, frame, format, metadata);
  if (format === "webp" && still) return encodeStill(video, frame, format, metadata);
  return encodeAnimation(video, format, metadata);
}

function encodeError({ count, width, height }: RawVideo, format: Format, cause: unknown): CameoError {
  if (cause instanceof CameoError) return cause;
  const reason = String((cause as Error).message).replace(/\s+/g, " ");
  const message = `${count} frames of ${width}x${height} can't be written as ${format}: ${reason}; try another format`;
  return new CameoError("ERR_MEDIA", message, { cause });
}

function checkVideo({ frames, count, width, height, fps }: RawVideo): void {
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
  if (frames.length !== size) {
    const what = `${count} RGB frames of ${width}x${height}`;
    throw new CameoError("ERR_INVALID_OPTION", `frames: ${what} are ${size} bytes, not ${frames.length}`);
  }
}
