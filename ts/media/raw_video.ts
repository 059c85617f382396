import { CameoError } from "../errors.js";
import type { RgbImage } from "../native.js";

/** Frames as the engine makes them. */
export interface RawVideo {
  /** RGB, (count, height, width, 3). */
  frames: Uint8Array;
  /** How many frames. */
  count: number;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** Frames per second. */
  fps: number;
}

/** A frame at another size: of large films only what it gives is kept. */
export type FitFrame = (frame: RgbImage) => Promise<RgbImage>;

/** Frames that come one after another, each RGB (height, width, 3): a film that is never in memory as a whole. */
export interface FilmFrames extends Omit<RawVideo, "frames"> {
  frames: AsyncIterable<Uint8Array>;
}

/** A video's frames, one after another; ERR_MEDIA where one has another size. */
export async function* framesOf({ frames, ...film }: RawVideo | FilmFrames): AsyncGenerator<Uint8Array> {
  const size = 3 * film.width * film.height;
  if (frames instanceof Uint8Array) {
    for (let i = 0; i < film.count; i++) yield frames.subarray(i * size, (i + 1) * size);
    return;
  }
  for await (const frame of frames) {
    if (frame.length !== size)
      throw new CameoError("ERR_MEDIA", `a frame has ${frame.length} bytes instead of ${size}`);
    yield frame;
  }
}

/** A video whose frames are all there. */
export async function gathered(video: RawVideo | FilmFrames): Promise<RawVideo> {
  const { frames, count, width, height, fps } = video;
  if (frames instanceof Uint8Array) return { frames, count, width, height, fps };
  const size = 3 * width * height;
  const all = new Uint8Array(count * size);
  let i = 0;
  for await (const frame of framesOf(video)) all.set(frame, size * i++);
  return { frames: all, count, width, height, fps };
}

/** A film or an animation that was opened, and of which no frame is decoded yet. */
export interface VideoReader {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly fps: number;
  /**
   * The frames of these indices (0 is the first), each RGB (height, width, 3), or what `fit` made of it as soon as it was
   * decoded; ERR_MEDIA where one can't be.
   */
  read(indices: readonly number[], fit?: FitFrame): Promise<Uint8Array[]>;
}
