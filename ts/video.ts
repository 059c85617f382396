import { basename } from "node:path";
import { z } from "zod";
import { CameoError } from "./errors.js";
import type { FilmFrames, FilmSource, RawVideo } from "./media/index.js";
import { checkOptions, notAllowed, option } from "./options/check.js";
import { keyframePictures } from "./options/controls.js";
import type { Shape } from "./options/kinds.js";
import { checkRequest } from "./options/sample.js";
import {
  type CompleteSampleRequest,
  type Control,
  optionEntries,
  type SampleRequest,
} from "./options/sample_options.js";
import { toArray } from "./options/schema.js";
import { type CompleteSubject, regionMask } from "./options/subjects.js";
import { version } from "./version.js";

/** What `Video.save` takes besides a path. */
export interface SaveOptions {
  /** Ends the writing; nothing is left under the final name. */
  signal?: AbortSignal | undefined;
  /**
   * Called with what is written otherwise than asked for, such as a rate that a GIF can't have. Default: `process.emitWarning`.
   */
  onWarning?: ((message: string) => void) | undefined;
}

/** What a video is made of. A `Video` is, and so is what `structuredClone` or `postMessage` leave of one. */
export interface VideoParts {
  /** 8-bit RGB, (count, height, width, 3). */
  frames: Uint8Array;
  /** As in `Video.request`. */
  request: CompleteSampleRequest;
  /** As in `Video.warnings`. */
  warnings?: readonly string[] | undefined;
}

/** A video without its frames, as JSON says it. */
export interface VideoJson {
  /** How many frames. */
  count: number;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** Frames a second. */
  fps: number;
  /** With the names of pictures and films only, as in the files that `save` writes. */
  request: Omit<CompleteSampleRequest, "reference" | "image" | "lastImage" | "video" | "mask"> & {
    /** Names of files without their folders; "data" and "pixels" for what has none. */
    reference: readonly string[];
    /** As of a reference. */
    image?: string;
    /** As of a reference. */
    lastImage?: string;
    /** As of a reference; of pictures one after another each. */
    video?: string | readonly string[];
    /** As of a video. */
    mask?: string | readonly string[];
  };
  /** As in `Video.warnings`. */
  warnings: readonly string[];
}

const saveSchema = z.strictObject({
  signal: option(z.instanceof(AbortSignal).optional(), "an AbortSignal"),
  onWarning: option(
    z.custom<NonNullable<SaveOptions["onWarning"]>>((value) => typeof value === "function").optional(),
    "a function",
  ),
});

const partsSchema = z.object({
  frames: option(z.instanceof(Uint8Array), "a Uint8Array"),
  request: option(z.looseObject({}), "the request of a video"),
  warnings: option(z.array(z.string()).optional(), "an array of texts"),
});

/** Frames, and the request that they answer. */
export class Video {
  /** 8-bit RGB, (count, height, width, 3). Nothing else is in its buffer, which may be transferred. */
  readonly frames: Uint8Array<ArrayBuffer>;
  /** How many frames. */
  readonly count: number;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Frames a second. */
  readonly fps: number;
  /** With every default that was taken: the same request makes the same frames on the same device. */
  readonly request: CompleteSampleRequest;
  /** What was done differently from what the request said, such as a prompt that was cut. */
  readonly warnings: readonly string[];

  private constructor(
    frames: Uint8Array<ArrayBuffer>,
    request: CompleteSampleRequest,
    warnings: readonly string[],
  ) {
    const { frames: count, width, height, fps } = request;
    if (frames.length !== 3 * count * width * height) {
      throw new CameoError(
        "ERR_MEDIA",
        `${frames.length} bytes are not ${count} frames of ${width}x${height}`,
      );
    }
    this.frames = frames;
    this.count = count;
    this.width = width;
    this.height = height;
    this.fps = fps;
    this.request = request;
    this.warnings = warnings;
  }

  /**
   * A video of its frames and its request, as of one that came from another thread or process. Throws ERR_INVALID_OPTION
   * where something is missing, ERR_MEDIA where there are more or fewer frames than the request says.
   */
  static from(parts: VideoParts): Video {
    const { frames, request, warnings = [] } = checkOptions(partsSchema, parts);
    const complete = ownRequest(request as never);
    for (const name of ["frames", "width", "height", "fps"] as const) {
      if (complete[name] === undefined) throw notAllowed(`request.${name}`, undefined, "a number");
    }
    return new Video(ownBytes(frames), complete, warnings);
  }

  /**
   * Rejects where a video of so many frames couldn't be saved under a path: with ERR_INVALID_OPTION for a name that it can't
   * have or a folder that isn't there, with ERR_MEDIA for an optional package that is not installed. To be asked before the
   * hours that a video takes.
   */
  static async checkOutput(path: string, frames: number): Promise<void> {
    const { checkOutput } = await import("./media/index.js");
    await checkOutput(path, frames);
  }

  /**
   * Writes the video, in the format that the name says: .mp4, .webm, .gif, .webp, .apng, .png for a still, or
   * numbered pictures, as in "frames-%03d.png". The file says how it was made, and that it is AI-generated.
   *
   * Resolves to the paths written. Rejects with ERR_INVALID_OPTION for a name that it can't write, ERR_MEDIA
   * where encoding fails, ERR_ABORTED.
   */
  async save(path: string, options: SaveOptions = {}): Promise<string[]> {
    const { frames, count, width, height, fps } = this;
    if (frames.buffer.byteLength === 0) {
      const remedy = "save the video that Video.from makes there";
      throw new CameoError("ERR_MEDIA", `the frames were transferred to another thread: ${remedy}`);
    }
    return saveFilm(path, { frames, count, width, height, fps }, this.request, options);
  }

  /** All but the frames, for `JSON.stringify`. */
  toJSON(): VideoJson {
    const { count, width, height, fps, request, warnings } = this;
    return { count, width, height, fps, request: describeRequest(request), warnings };
  }
}

/** A request as videos keep it: checked, in the order of the options' table, and nobody else's to change. */
export function ownRequest(request: CompleteSampleRequest): CompleteSampleRequest {
  return Object.freeze({ reference: [], ...checkRequest(request as never) } as CompleteSampleRequest);
}

/** Writes frames with the request that they answer, as `Video.save`. */
export async function saveFilm(
  path: string,
  film: RawVideo | FilmFrames,
  request: CompleteSampleRequest,
  options: SaveOptions,
): Promise<string[]> {
  const { signal, onWarning = emitWarning } = checkOptions(saveSchema, options);
  const { checkOutputPath, writeVideo } = await import("./media/index.js");
  checkOutputPath(path, film.count);
  const metadata = { software: `cameo ${version}`, parameters: { ...describeRequest(request) } };
  return writeVideo(path, film, metadata, { signal, onWarning });
}

function emitWarning(message: string): void {
  process.emitWarning(message, "CameoWarning");
}

/** Bytes with a buffer that is theirs alone: they can be transferred without taking others along. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(bytes);
}

/** The request with the names of its pictures and films. */
function describeRequest(request: CompleteSampleRequest): VideoJson["request"] {
  const names = optionEntries.flatMap(([name, { value: shape }]) => {
    const value = request[name as keyof CompleteSampleRequest];
    const describe = describedKinds[shape.kind];
    return value === undefined || describe === undefined ? [] : [[name, describe(value as never)]];
  });
  return { ...request, ...Object.fromEntries(names) } as VideoJson["request"];
}

/** What is said of an option's value that has pictures or films, by its kind. */
const describedKinds: { [Kind in Shape["kind"]]?: (value: never) => unknown } = {
  pictures: describeFilm,
  picture: describeFilm,
  film: describeFilm,
  controls: (controls: readonly Control[]) =>
    controls.map((control) => ({ ...control, frames: describeFilm(control.frames) })),
  keyframes: (keyframes: NonNullable<SampleRequest["keyframes"]>) =>
    Object.fromEntries(
      keyframePictures(keyframes).map(([frame, picture]) => [frame, describeSource(picture)]),
    ),
  subjects: (subjects: readonly CompleteSubject[]) =>
    subjects.map((subject) => {
      const mask = regionMask(subject);
      const region = mask === undefined ? {} : { region: describeFilm(mask) };
      return { ...subject, reference: toArray(subject.reference).map(describeSource), ...region };
    }),
};

function describeFilm(sources: FilmSource): string | string[] {
  return Array.isArray(sources) ? sources.map(describeSource) : describeSource(sources);
}

/** Names only, without the folders of the one who made it: the video may be published. */
function describeSource(source: FilmSource): string {
  if (source instanceof Uint8Array) return "data";
  if (typeof source === "object" && !(source instanceof URL)) return "pixels";
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url?.protocol === "data:") return "data";
  return basename(url?.protocol.startsWith("http") ? url.pathname : String(source));
}
