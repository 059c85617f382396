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

/** A film or an animation that was opened, and of which no frame is decoded yet. */
export interface VideoReader {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly fps: number;
  /** The frames of these indices (0 is the first), each RGB (height, width, 3); ERR_MEDIA where one can't be decoded. */
  read(indices: readonly number[]): Promise<Uint8Array[]>;
}
