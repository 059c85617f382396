import type { RgbImage } from "../native.js";
import type { Size } from "./clip.js";
import type { SubjectDraw } from "./draws.js";
import { isSubject, type Placed } from "./pixels.js";

/** Left, top, right and bottom, in parts of the picture: 0 to 1. */
export type Box = [left: number, top: number, right: number, bottom: number];

/** The box around all that the masks show, as it lies in a sample, and grown; undefined where nothing of it is seen. */
export function regionOf(
  masks: readonly RgbImage[],
  { width, height, left, top }: Placed,
  size: Size,
  [toLeft, up, toRight, down]: SubjectDraw["grow"],
): Box | undefined {
  const boxes = masks.map(boxOf).filter((box) => box !== undefined);
  const most = (side: 0 | 1 | 2 | 3, of: (...values: number[]) => number) =>
    of(...boxes.map((box) => box[side]));
  const inWidth = (part: number) => (part * width - left) / size.width;
  const inHeight = (part: number) => (part * height - top) / size.height;
  const box: Box = [
    Math.max(0, inWidth(most(0, Math.min)) - toLeft),
    Math.max(0, inHeight(most(1, Math.min)) - up),
    Math.min(1, inWidth(most(2, Math.max)) + toRight),
    Math.min(1, inHeight(most(3, Math.max)) + down),
  ];
  return box[0] < box[2] && box[1] < box[3] ? box : undefined;
}

/** Around the subject's pixels; undefined where there are none. */
function boxOf(mask: RgbImage): Box | undefined {
  const { width, height } = mask;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!isSubject(mask, 3 * (y * width + x))) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    }
  }
  return left < right ? [left / width, top / height, right / width, bottom / height] : undefined;
}
