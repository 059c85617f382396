import { throwIfAborted } from "../errors.js";
import type { RgbImage } from "../native.js";
import { loadSharp } from "./libraries.js";
import { sniff } from "./signature.js";
import { invalidImage, readSource } from "./source.js";

/** Pixels as they are: RGB, or RGBA (as a canvas gives them), row by row. */
export interface RawImage {
  /** 8 bits a channel; alpha is not premultiplied. */
  data: Uint8Array | Uint8ClampedArray;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** 3 or 4; without it, what the length of `data` says. */
  channels?: number;
}

/** A path, a file:, http:, https: or data: URL, the bytes of a picture's file, or pixels. */
export type ImageSource = string | URL | Uint8Array | RawImage;

export interface ReadImageOptions {
  signal?: AbortSignal | undefined;
  /** What errors call the picture, as in "reference 2". */
  name?: string | undefined;
}

/** How to get a picture into a RgbImage of another size: cut its edges off, add white ones, or squash it. */
export type Fit = "cover" | "contain" | "fill";

/** 2^28: above any camera's, and 768 MiB as RGB. */
const maxPixels = 2 ** 28;
const readable = ["PNG", "JPEG", "WebP", "AVIF", "GIF", "TIFF"];
const remedy = "save it again as PNG or JPEG";

/**
 * Reads a picture into 8-bit sRGB: PNG, JPEG, WebP, AVIF, GIF or TIFF, the first page or frame of several. It is
 * turned as its EXIF orientation says, and transparency becomes white. Errors are ERR_INVALID_IMAGE.
 */
export async function readImage(source: ImageSource, options: ReadImageOptions = {}): Promise<RgbImage> {
  const { signal } = options;
  throwIfAborted(signal);
  const name = describe(source, options.name);
  if (isRaw(source)) return readRaw(source, name);
  const isAddress = typeof source === "string" || source instanceof URL;
  if (!isAddress && !(source instanceof Uint8Array)) {
    throw invalidImage(name, "give a path, a URL, a picture file's bytes or {data, width, height}");
  }
  const image = await decode(isAddress ? await readSource(source, name, signal) : source, name);
  throwIfAborted(signal);
  return image;
}

/** Width and height of a picture as `readImage` gives it, by its header alone. Errors are ERR_INVALID_IMAGE. */
export async function readImageSize(path: string): Promise<{ width: number; height: number }> {
  const name = describe(path);
  const bytes = await readSource(path, name);
  checkFormat(bytes, name);
  const sharp = await loadSharp();
  try {
    return (await sharp(bytes, { limitInputPixels: maxPixels }).metadata()).autoOrient;
  } catch (cause) {
    throw decodeError(name, cause);
  }
}

/** The image at `width` x `height`; the very same object where that is its size already. */
export async function fitImage(image: RgbImage, width: number, height: number, fit: Fit): Promise<RgbImage> {
  if (image.width === width && image.height === height) return image;
  const sharp = await loadSharp();
  const raw = { width: image.width, height: image.height, channels: 3 as const };
  const { data } = await sharp(image.data, { raw, limitInputPixels: false })
    .resize(width, height, { fit, position: "centre", kernel: "lanczos3", background: "#fff" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width, height };
}

async function decode(bytes: Uint8Array, name: string): Promise<RgbImage> {
  checkFormat(bytes, name);
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(bytes, {
      failOn: "error",
      limitInputPixels: maxPixels,
      page: 0,
      pages: 1,
    })
      .autoOrient()
      .flatten({ background: "#fff" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw invalidImage(name, `its colours are of an unknown kind; ${remedy}`);
    return { data, width: info.width, height: info.height };
  } catch (cause) {
    throw decodeError(name, cause);
  }
}

function decodeError(name: string, cause: unknown): Error {
  // The decoder's last line says why; those before it, what it tried.
  const reason =
    String((cause as Error).message)
      .trim()
      .split("\n")
      .at(-1)
      ?.trim() ?? "";
  if (/exceeds pixel limit/.test(reason)) {
    return invalidImage(name, `it has more than ${maxPixels} pixels; scale it down`, cause);
  }
  return invalidImage(name, `it is damaged or not supported (${reason}); ${remedy}`, cause);
}

/** Only formats that are pixels get as far as the decoder: SVG and the like may read files or never end. */
function checkFormat(bytes: Uint8Array, name: string): void {
  if (bytes.length === 0) throw invalidImage(name, "it is empty; give a picture");
  const format = sniff(bytes);
  if (format !== undefined && readable.includes(format)) return;
  const kind = format ?? "of no known format";
  throw invalidImage(name, `it is ${kind}; ${readable.join(", ")} can be read, so ${remedy}`);
}

function isRaw(source: ImageSource): source is RawImage {
  return typeof source === "object" && source !== null && "width" in source;
}

function readRaw({ data, width, height, channels }: RawImage, name: string): RgbImage {
  for (const [side, value] of Object.entries({ width, height })) {
    if (!Number.isInteger(value) || value < 1) {
      throw invalidImage(name, `its ${side} is ${value}; a whole number of at least 1 is needed`);
    }
  }
  const pixels = width * height;
  if (pixels > maxPixels) throw invalidImage(name, `it has more than ${maxPixels} pixels; scale it down`);
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw invalidImage(name, "its data is not a Uint8Array; give RGB or RGBA bytes");
  }
  const depth = channels ?? data.length / pixels;
  if ((depth !== 3 && depth !== 4) || data.length !== pixels * depth) {
    const needed =
      channels === undefined ? `${3 * pixels} (RGB) or ${4 * pixels} (RGBA)` : `${pixels * channels}`;
    const odd = channels === undefined || channels === 3 || channels === 4 ? "" : " and channels 3 or 4";
    throw invalidImage(name, `its data has ${data.length} bytes; ${width}x${height} needs ${needed}${odd}`);
  }
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.length);
  return { data: depth === 3 ? bytes : onWhite(bytes), width, height };
}

/** RGBA, not premultiplied, over white. */
function onWhite(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3] ?? 0;
    for (let c = 0; c < 3; c++) rgb[to + c] = Math.round(255 + (((rgba[from + c] ?? 0) - 255) * alpha) / 255);
  }
  return rgb;
}

function describe(source: ImageSource, name = "image"): string {
  if (typeof source === "string" || source instanceof URL) {
    const text = String(source);
    return `${name} ${text.startsWith("data:") ? `data: URL of ${text.length} characters` : JSON.stringify(text)}`;
  }
  if (source instanceof Uint8Array) return `${name} (buffer of ${source.length} bytes)`;
  return isRaw(source) ? `${name} (${source.width}x${source.height} pixels)` : name;
}
