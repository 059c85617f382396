import { fitImage } from "../media/index.js";
import { loadSharp } from "../media/libraries.js";
import type { RgbImage } from "../native.js";
import type { Size } from "./clip.js";
import type { AffineMap, Draws, ReferenceDraw } from "./draws.js";

/** From here on a mask's pixel is the subject's. */
const subjectLuma = 128;

/** Where a picture's pixels come to lie: scaled to a size, then with so much of it left of, and above, what is taken. */
export interface Placed extends Size {
  left: number;
  top: number;
}

/** Where a frame comes to lie in a size: all of it in its middle, or scaled to cover the size and cut where `crop` says. */
export function placed(
  frame: Size,
  { width, height }: Size,
  fit: "crop" | "pad",
  [x, y]: Draws["crop"],
): Placed {
  const [across, down] = [width / frame.width, height / frame.height];
  if (fit === "pad") {
    const scale = Math.min(across, down);
    const [scaledWidth, scaledHeight] = [frame.width * scale, frame.height * scale];
    const [left, top] = [(scaledWidth - width) / 2, (scaledHeight - height) / 2];
    return { width: scaledWidth, height: scaledHeight, left, top };
  }
  const scale = Math.max(across, down);
  const scaledWidth = Math.max(width, Math.round(frame.width * scale));
  const scaledHeight = Math.max(height, Math.round(frame.height * scale));
  const left = Math.round(x * (scaledWidth - width));
  const top = Math.round(y * (scaledHeight - height));
  return { width: scaledWidth, height: scaledHeight, left, top };
}

/** A frame at a size: all of it on white, or scaled to cover the size and cut where `crop` says. */
export async function fitFrame(
  frame: RgbImage,
  size: Size,
  fit: "crop" | "pad",
  crop: Draws["crop"],
): Promise<Uint8Array> {
  if (fit === "pad") return (await fitImage(frame, size.width, size.height, "contain")).data;
  const { width, height, left, top } = placed(frame, size, fit, crop);
  const scaled = await fitImage(frame, width, height, "fill");
  return windowOf(scaled, left, top, size).data;
}

/** A reference out of a frame, as drawn: what the mask leaves out is white, flipped, mapped, and fitted to a size. */
export async function makeReference(
  frame: RgbImage,
  mask: RgbImage | undefined,
  { flip, affine }: ReferenceDraw,
  size: Size,
  fit: "crop" | "pad",
): Promise<Uint8Array> {
  let image = mask ? onlySubject(frame, mask) : frame;
  if (flip) image = await mirror(image);
  if (affine) image = await mapAffine(image, affine);
  return fitFrame(image, size, fit, [0.5, 0.5]);
}

function onlySubject(frame: RgbImage, mask: RgbImage): RgbImage {
  const data = new Uint8Array(frame.data);
  for (let at = 0; at < data.length; at += 3) if (!isSubject(mask, at)) data.fill(255, at, at + 3);
  return { ...frame, data };
}

/** Whether the mask's pixel whose first byte is there is the subject's. */
export function isSubject({ data }: RgbImage, at: number): boolean {
  const [red = 0, green = 0, blue = 0] = [data[at], data[at + 1], data[at + 2]];
  // Rec. 601 luma.
  return 0.299 * red + 0.587 * green + 0.114 * blue >= subjectLuma - 0.5;
}

async function mirror({ data, width, height }: RgbImage): Promise<RgbImage> {
  const sharp = await loadSharp();
  const mirrored = sharp(data, { raw: { width, height, channels: 3 } }).flop();
  return { data: await mirrored.raw().toBuffer(), width, height };
}

/** The picture turned and scaled about its centre, then shifted, bilinearly; what comes in from outside is white. */
async function mapAffine(
  { data, width, height }: RgbImage,
  { degrees, shift, scale }: AffineMap,
): Promise<RgbImage> {
  const sharp = await loadSharp();
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const { data: mapped, info } = await sharp(data, { raw: { width, height, channels: 3 } })
    .affine([cos, -sin, sin, cos], { background: "#fff", interpolator: "bilinear" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  // What comes back is the mapped picture's bounding box, from its least x and y on, in whole pixels.
  const left = Math.round(Math.min(0, cos * width) + Math.min(0, -sin * height));
  const top = Math.round(Math.min(0, sin * width) + Math.min(0, cos * height));
  const [x, y] = [(width - 1) / 2, (height - 1) / 2];
  const centre = [cos * x - sin * y - left, sin * x + cos * y - top] as const;
  return windowOf(
    { data: mapped, width: info.width, height: info.height },
    Math.round(centre[0] - x - shift[0] * width),
    Math.round(centre[1] - y - shift[1] * height),
    { width, height },
  );
}

/** What is seen of an image through a window; white where the window is beyond it. */
function windowOf(image: RgbImage, left: number, top: number, { width, height }: Size): RgbImage {
  const data = new Uint8Array(3 * width * height).fill(255);
  const [from, to] = [Math.max(0, left), Math.min(image.width, left + width)];
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height) && from < to; y++) {
    const row = image.data.subarray(3 * (y * image.width + from), 3 * (y * image.width + to));
    data.set(row, 3 * ((y - top) * width + from - left));
  }
  return { data, width, height };
}
