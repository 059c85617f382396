import type { RgbImage } from "../native.js";
import { fitImage } from "./image.js";

/** How a film's coded frames become what is shown. */
export interface Presentation {
  /** Degrees clockwise: 0, 90, 180 or 270. */
  rotation: number;
  /** Whether left and right are exchanged, after the turn. */
  flip: boolean;
  /** Width of a coded pixel in its heights. */
  pixelAspect: number;
}

/** Less is a rounded size's, and not worth a blur. */
const leastStretch = 0.02;

/** The size of a frame as it is shown: pixels become square by widening or heightening, the turn exchanges the sides. */
export function shownSize(
  { width, height }: { width: number; height: number },
  { rotation, pixelAspect }: Presentation,
): { width: number; height: number } {
  const wide = pixelAspect > 1 + leastStretch ? Math.round(width * pixelAspect) : width;
  const high = pixelAspect < 1 - leastStretch ? Math.round(height / pixelAspect) : height;
  return rotation % 180 === 0 ? { width: wide, height: high } : { width: high, height: wide };
}

/** A coded frame as it is shown. */
export async function asShown(frame: RgbImage, presentation: Presentation): Promise<RgbImage> {
  const { width, height } = shownSize(frame, presentation);
  return fitImage(turned(frame, presentation), width, height, "fill");
}

function turned(frame: RgbImage, { rotation, flip }: Presentation): RgbImage {
  if (rotation === 0 && !flip) return frame;
  const { width: w, height: h } = frame;
  const [width, height] = rotation % 180 === 0 ? [w, h] : [h, w];
  // Where in the frame the first pixel comes from, and how far the next one to the right and the one below are.
  const steps: Record<number, [first: number, right: number, below: number]> = {
    0: [0, 1, w],
    90: [(h - 1) * w, -w, 1],
    180: [h * w - 1, -1, -w],
    270: [w - 1, w, -1],
  };
  const [first, right, below] = steps[rotation] ?? [0, 1, w];
  const start = flip ? first + right * (width - 1) : first;
  const step = flip ? -right : right;
  const data = new Uint8Array(frame.data.length);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = 3 * (start + y * below); x < width; x++, to += 3, from += 3 * step) {
      data[to] = frame.data[from] as number;
      data[to + 1] = frame.data[from + 1] as number;
      data[to + 2] = frame.data[from + 2] as number;
    }
  }
  return { data, width, height };
}
