import type { Metadata } from "sharp";
import { CameoError, throwIfAborted } from "../errors.js";
import type { RgbImage } from "../native.js";
import { quoted, shortened } from "../quote.js";
import { withTransparency } from "./gif.js";
import { loadSharp } from "./libraries.js";
import { sniff } from "./signature.js";
import {
  ByteBudget,
  invalidImage,
  isBase64,
  placeOf,
  type ReadSourceOptions,
  readSource,
  withFile,
} from "./source.js";

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

export interface ReadImageOptions extends ReadSourceOptions {
  /** What errors call the picture, as in "reference 2". */
  name?: string | undefined;
}

/** A picture of which the bytes were read. */
export interface OpenImage {
  /** What errors call it. */
  name: string;
  /** Width and height in pixels, turned as its EXIF orientation says, by its header alone. */
  size(): Promise<ImageSize>;
  /** Its pixels, in 8-bit sRGB. */
  decode(): Promise<RgbImage>;
}

interface ImageSize {
  width: number;
  height: number;
}

/** How to get a picture into a RgbImage of another size: cut its edges off, add white ones, or squash it. */
export type Fit = "cover" | "contain" | "fill";

/** 2^28: above any camera's, and 768 MiB as RGB. */
export const maxPixels = 2 ** 28;
const readable = ["PNG", "JPEG", "WebP", "AVIF", "GIF", "TIFF"];
const remedy = "save it again as PNG or JPEG";
/** How many of a file's first bytes tell its format. */
const headBytes = 4096;
const decoding = { failOn: "error", limitInputPixels: maxPixels, page: 0, pages: 1 } as const;

/**
 * Reads a picture into 8-bit sRGB: PNG, JPEG, WebP, AVIF, GIF or TIFF, the first page or frame of several. It is
 * turned as its EXIF orientation says, and transparency becomes white. Errors are ERR_INVALID_IMAGE.
 */
export async function readImage(source: ImageSource, options: ReadImageOptions = {}): Promise<RgbImage> {
  const image = await (await openImage(source, options)).decode();
  throwIfAborted(options.signal);
  return image;
}

/** Reads a picture's bytes, and nothing of what is in them yet. Errors are ERR_INVALID_IMAGE. */
export async function openImage(source: ImageSource, options: ReadImageOptions = {}): Promise<OpenImage> {
  const { signal } = options;
  throwIfAborted(signal);
  const name = describe(source, options.name);
  if (isRaw(source)) {
    const image = readRaw(source, name);
    return { name, size: async () => sizeOf(image), decode: async () => image };
  }
  const bytes = isAddress(source) ? await readSource(source, name, options) : source;
  if (!(bytes instanceof Uint8Array)) {
    throw invalidImage(name, "give a path, a URL, a picture file's bytes or {data, width, height}");
  }
  const { budget = new ByteBudget() } = options;
  if (bytes === source) budget.take(bytes.length, name);
  checkFormat(bytes, name);
  throwIfAborted(signal);
  const header = () => readHeader(bytes, name);
  return {
    name,
    size: async () => sizeOf((await header()).autoOrient),
    decode: async () => decode(bytes, await header(), name),
  };
}

/** Width and height of a picture as `readImage` gives it, by its header alone. Errors are ERR_INVALID_IMAGE. */
export async function readImageSize(path: string, name = describe(path)): Promise<ImageSize> {
  await withFile(path, name, async (file) => {
    const head = await file.read(new Uint8Array(headBytes), 0, headBytes, 0);
    checkFormat(head.buffer.subarray(0, head.bytesRead), name);
  });
  // libvips takes brackets at a name's end for options.
  const input = path.endsWith("]") ? await readSource(path, name) : path;
  return sizeOf((await readHeader(input, name)).autoOrient);
}

/**
 * Rejects with ERR_INVALID_IMAGE where a picture can't be read, as far as that is seen without decoding it: of a file the
 * header is read, and no URL is fetched.
 */
export async function checkImage(source: ImageSource, { name }: { name?: string } = {}): Promise<void> {
  if (!isAddress(source)) {
    await (await openImage(source, { name })).size();
    return;
  }
  const described = describe(source, name);
  const place = placeOf(source, described);
  if (typeof place === "string") await readImageSize(place, described);
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

/** What a picture's header says, where it is one of pixels that can be read. */
async function readHeader(input: string | Uint8Array, name: string): Promise<Metadata> {
  const sharp = await loadSharp();
  const header = await sharp(input, decoding)
    .metadata()
    .catch((cause) => {
      throw decodeError(name, cause);
    });
  const isLab = header.space === "lab" || header.space === "labs";
  if (header.depth !== "uchar" && header.depth !== "ushort" && !isLab) {
    const kind = /float|double|complex/.test(header.depth) ? "floating-point" : "signed or 32-bit";
    throw invalidImage(name, `its ${kind} pixels don't say what is white; save it with 8 or 16 bits as PNG`);
  }
  if (header.width * header.height > maxPixels) throw tooManyPixels(name);
  return header;
}

async function decode(bytes: Uint8Array, header: Metadata, name: string): Promise<RgbImage> {
  const sharp = await loadSharp();
  const picture = sharp(header.hasAlpha ? bytes : withTransparency(bytes), decoding);
  const eightBits = eightBitSpace(header);
  if (eightBits) picture.pipelineColourspace(eightBits);
  try {
    const { data, info } = await picture
      .autoOrient()
      .flatten({ background: "#fff" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw invalidImage(name, `its colours are of an unknown kind; ${remedy}`);
    return { data, width: info.width, height: info.height };
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    throw decodeError(name, cause);
  }
}

/**
 * What 16-bit pixels with a profile are brought to before the profile is applied: sharp would bring those with colours
 * to Display P3, and call them sRGB, and would overlook a grey picture's profile.
 */
function eightBitSpace({ space, depth, hasProfile }: Metadata): "srgb" | "b-w" | undefined {
  if (!hasProfile || depth !== "ushort") return undefined;
  if (space === "grey16") return "b-w";
  return space === "rgb16" ? "srgb" : undefined;
}

function decodeError(name: string, cause: unknown): Error {
  // The decoder's last line says why; those before it, what it tried.
  const reason =
    String((cause as Error).message)
      .trim()
      .split("\n")
      .at(-1)
      ?.trim() ?? "";
  if (/exceeds pixel limit/.test(reason)) return tooManyPixels(name, cause);
  return invalidImage(name, `it is damaged or not supported (${shortened(reason)}); ${remedy}`, cause);
}

function tooManyPixels(name: string, cause?: unknown): CameoError {
  return invalidImage(name, `it has more than ${maxPixels} pixels; scale it down`, cause);
}

/** Only formats that are pixels get as far as the decoder: SVG and the like may read files or never end. */
function checkFormat(bytes: Uint8Array, name: string): void {
  if (bytes.length === 0) throw invalidImage(name, "it is empty; give a picture");
  const format = sniff(bytes);
  if (format !== undefined && readable.includes(format)) return;
  // What a server gets in JSON or a form, and passes on as it came.
  const text = Buffer.from(bytes.subarray(0, headBytes)).toString("latin1");
  if (/^data:/i.test(text)) throw invalidImage(name, "it holds the text of a data: URL: pass that as a text");
  if (isBase64(text)) {
    throw invalidImage(name, 'it holds base64: decode it first, as with Buffer.from(text, "base64")');
  }
  const kind = format ?? "of no known format";
  throw invalidImage(name, `it is ${kind}; ${readable.join(", ")} can be read, so ${remedy}`);
}

function isAddress(source: ImageSource): source is string | URL {
  return typeof source === "string" || source instanceof URL;
}

function sizeOf({ width, height }: ImageSize): ImageSize {
  return { width, height };
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
  if (pixels > maxPixels) throw tooManyPixels(name);
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
  if (isAddress(source)) {
    const text = String(source);
    return `${name} ${/^data:/i.test(text) ? `data: URL of ${text.length} characters` : quoted(text)}`;
  }
  if (source instanceof Uint8Array) return `${name} (buffer of ${source.length} bytes)`;
  return isRaw(source) ? `${name} (${source.width}x${source.height} pixels)` : name;
}
