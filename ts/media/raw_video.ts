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
