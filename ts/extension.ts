import { notAllowed } from "./options/check.js";
import { promptsOf } from "./options/length.js";
import type { CompleteSampleRequest, SampleRequest } from "./options/sample_options.js";
import { Video, type VideoParts } from "./video.js";

/** What `pipe.extend` sets by itself. */
type OfExtension =
  | "video"
  | "mask"
  | "image"
  | "lastImage"
  | "expand"
  | "strength"
  | "width"
  | "height"
  | "fps";
/** What would be of the frames that are there already. */
type OfTheFirst = "seed" | "frames" | "loop" | "keyframes" | "controls" | "saveLatents";

/** What `pipe.extend` takes. What it leaves out is as in the film's request, but for the seed, which is drawn anew. */
export interface ExtendRequest extends Partial<Omit<SampleRequest, OfExtension | "loop" | "frames">> {
  /** How many frames are added. Default: 12. */
  frames?: number | undefined;
  /** How many of the film's last frames the new ones go on from, 1 to 64. Default: 4, or as many as there are. */
  keep?: number | undefined;
}

const mostKept = 64;
const defaultKept = 4;
const defaultAdded = 12;

/** A film that goes on: what is sampled for it, and what comes of that. */
export class Extension {
  /** A film of the kept frames and the new ones, of which a mask has the new ones made. */
  readonly request: SampleRequest;
  readonly #film: Video;
  readonly #kept: number;

  constructor(parts: Video | VideoParts, { keep, frames = defaultAdded, ...changes }: ExtendRequest) {
    this.#film = Video.from(parts);
    const { count, width, height } = this.#film;
    if (keep !== undefined && !(Number.isInteger(keep) && keep >= 1 && keep <= Math.min(mostKept, count)))
      throw notAllowed("keep", keep, `a whole number from 1 to ${Math.min(mostKept, count)}`);
    if (!(Number.isInteger(frames) && frames >= 1))
      throw notAllowed("frames", frames, "a whole number from 1");
    this.#kept = keep ?? Math.min(defaultKept, count);
    const total = this.#kept + frames;
    const size = { frames: total, width, height };
    this.request = {
      ...this.#inherited(),
      ...changes,
      ...size,
      fps: this.#film.fps,
      video: { ...size, data: this.#shown(total) },
      mask: { ...size, data: this.#mask(total) },
    } as SampleRequest;
  }

  /** The film with the new frames of what was sampled. */
  extended(sampled: Video): Video {
    const { frames, count } = this.#film;
    const added = sampled.frames.subarray(this.#kept * this.#frameBytes);
    const all = new Uint8Array(frames.length + added.length);
    all.set(frames);
    all.set(added, frames.length);
    const { video: _, mask: __, strength: ___, ...request } = sampled.request;
    const total = count + sampled.count - this.#kept;
    const complete = { ...request, frames: total } as CompleteSampleRequest;
    return Video.from({ frames: all, request: complete, warnings: sampled.warnings });
  }

  get #frameBytes(): number {
    return 3 * this.#film.width * this.#film.height;
  }

  #inherited(): Omit<SampleRequest, OfExtension | OfTheFirst> {
    const { seed, frames, loop, video, mask, image, lastImage, expand, ...rest } = this.#film.request;
    const { strength, keyframes, controls, prompt, ...inherited } = rest;
    return { ...inherited, prompt: promptsOf(prompt).at(-1)?.text ?? "" };
  }

  /** The last frames, and the very last one for those to come, of which the mask leaves nothing. */
  #shown(total: number): Uint8Array {
    const { frames, count } = this.#film;
    const data = new Uint8Array(total * this.#frameBytes);
    for (let i = 0; i < total; i++) {
      const source = Math.min(count - this.#kept + i, count - 1);
      data.set(
        frames.subarray(source * this.#frameBytes, (source + 1) * this.#frameBytes),
        i * this.#frameBytes,
      );
    }
    return data;
  }

  #mask(total: number): Uint8Array {
    return new Uint8Array(total * this.#frameBytes).fill(255, this.#kept * this.#frameBytes);
  }
}
