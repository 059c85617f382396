import type { RgbImage } from "../native.js";
import { type Fit, maxPixels } from "./image.js";
import { invalidImage } from "./source.js";

/** Pixels that are added on each side. */
export interface Margins {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Whether a mask's picture has white, as the native half has it: a luma (ITU-R BT.601) of 128 or more. */
export function hasWhite({ data }: RgbImage): boolean {
  for (let i = 0; i < data.length; i += 3) {
    const [red = 0, green = 0, blue = 0] = [data[i], data[i + 1], data[i + 2]];
    if ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16 >= 128) return true;
  }
  return false;
}

/** The picture with margins in which its outermost pixels go on, or that are white. */
export function withMargins(image: RgbImage, margins: Margins, fill: "edge" | "white"): RgbImage {
  const { left, right, top, bottom } = margins;
  const [width, height] = [image.width + left + right, image.height + top + bottom];
  const data = new Uint8Array(3 * width * height).fill(255);
  for (let y = 0; y < height; y++) {
    const from = Math.min(Math.max(y - top, 0), image.height - 1);
    if (fill === "white" && from !== y - top) continue;
    const row = image.data.subarray(3 * image.width * from, 3 * image.width * (from + 1));
    const start = 3 * width * y;
    data.set(row, start + 3 * left);
    if (fill === "white") continue;
    fillWith(data.subarray(start, start + 3 * left), row.subarray(0, 3));
    fillWith(data.subarray(start + 3 * (left + image.width), start + 3 * width), row.subarray(-3));
  }
  return { data, width, height };
}

/**
 * The picture with the shape of `width` x `height`, its pixels as they are: its edges cut off, or white ones added. Squashing is
 * left to who brings it to that size. Throws ERR_INVALID_IMAGE, calling it `name`, where it would have too many pixels.
 */
export function shapeImage(image: RgbImage, width: number, height: number, fit: Fit, name: string): RgbImage {
  if (fit === "fill" || image.width * height === image.height * width) return image;
  const byHeight = Math.max(1, Math.round((image.height * width) / height));
  const byWidth = Math.max(1, Math.round((image.width * height) / width));
  if (fit === "cover") {
    return middleOf(image, Math.min(image.width, byHeight), Math.min(image.height, byWidth));
  }
  const [wider, higher] = [Math.max(image.width, byHeight), Math.max(image.height, byWidth)];
  if (wider * higher > maxPixels) {
    throw invalidImage(name, `in the video's shape it has more than ${maxPixels} pixels; cut its edges off`);
  }
  const [left, top] = [(wider - image.width) >> 1, (higher - image.height) >> 1];
  const margins = { left, top, right: wider - image.width - left, bottom: higher - image.height - top };
  return withMargins(image, margins, "white");
}

function middleOf(image: RgbImage, width: number, height: number): RgbImage {
  const [left, top] = [(image.width - width) >> 1, (image.height - height) >> 1];
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const start = 3 * (image.width * (top + y) + left);
    data.set(image.data.subarray(start, start + 3 * width), 3 * width * y);
  }
  return { data, width, height };
}

/** Black, as what is kept is in a mask. */
export function black(width: number, height: number): RgbImage {
  return { data: new Uint8Array(3 * width * height), width, height };
}

function fillWith(data: Uint8Array, pixel: Uint8Array): void {
  for (let at = 0; at < data.length; at += 3) data.set(pixel, at);
}
