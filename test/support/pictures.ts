// Writes pictures of kinds that the library under test doesn't write, byte by byte.
import { crc32, deflateSync } from "node:zlib";

export interface Samples {
  width: number;
  height: number;
  /** Bits of a sample: 8, 16 or 32. */
  bits: number;
  /** Samples of one pixel, or of all of them. */
  values: readonly number[];
  /** An ICC profile. */
  profile?: Buffer | undefined;
}

/** Colour type by the count of channels: grey, grey with alpha, RGB, RGBA. */
export function png({ width, height, bits, values, profile }: Samples, channels: 1 | 2 | 3 | 4): Buffer {
  const row = (width * channels * bits) / 8;
  const samples = sampleBytes(width * height * channels, bits, values);
  const rows = Array.from({ length: height }, (_, y) => [
    Buffer.alloc(1),
    samples.subarray(y * row, (y + 1) * row),
  ]);
  const icc = profile && Buffer.concat([Buffer.from("profile\0\0", "latin1"), deflateSync(profile)]);
  const type = { 1: 0, 2: 4, 3: 2, 4: 6 }[channels];
  return pngFile(width, height, [bits, type], Buffer.concat(rows.flat()), icc);
}

/** A grey PNG's header, with a single byte for its pixels. */
export function pngWithoutPixels(width: number, height: number): Buffer {
  return pngFile(width, height, [8, 0], Buffer.alloc(1));
}

function pngFile(width: number, height: number, kind: number[], rows: Buffer, icc?: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set(kind, 8);
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    ...(icc ? [chunk("iCCP", icc)] : []),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const words = [data.length, crc32(body)].map((value) => {
    const word = Buffer.alloc(4);
    word.writeUInt32BE(value);
    return word;
  });
  return Buffer.concat([words[0] as Buffer, body, words[1] as Buffer]);
}

export interface TiffKind {
  /** 1 grey, 2 RGB, 5 CMYK. */
  photometric: number;
  channels: number;
  /** 1 unsigned, 2 signed, 3 floating point. Default: 1. */
  sampleFormat?: number;
}

/** One strip, not compressed, big-endian. */
export function tiff(samples: Samples, { photometric, channels, sampleFormat = 1 }: TiffKind): Buffer {
  const { width, height, bits, values, profile } = samples;
  const isFloat = sampleFormat === 3 && bits === 32;
  const data = sampleBytes(width * height * channels, bits, values, isFloat);
  const blocks: Buffer[] = [];
  let end = 8;
  const place = (block: Buffer) => {
    blocks.push(block, Buffer.alloc(block.length % 2));
    end += block.length + (block.length % 2);
    return end - block.length - (block.length % 2);
  };
  const shorts = (value: number) => {
    const block = Buffer.alloc(2 * channels);
    for (let i = 0; i < channels; i++) block.writeUInt16BE(value, 2 * i);
    return channels <= 2 ? Buffer.concat([block, Buffer.alloc(4)]).readUInt32BE(0) : place(block);
  };
  const short = (value: number) => value * 65536;
  // Tag, type (3 short, 4 long, 7 bytes), count, value or place.
  const entries = [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, channels, shorts(bits)],
    [259, 3, 1, short(1)],
    [262, 3, 1, short(photometric)],
    [273, 4, 1, place(data)],
    [277, 3, 1, short(channels)],
    [278, 4, 1, height],
    [279, 4, 1, data.length],
    [339, 3, channels, shorts(sampleFormat)],
    ...(profile ? [[34675, 7, profile.length, place(profile)]] : []),
  ];
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16BE(entries.length, 0);
  for (const [i, [tag = 0, type = 0, count = 0, value = 0]] of entries.entries()) {
    directory.writeUInt16BE(tag, 2 + 12 * i);
    directory.writeUInt16BE(type, 4 + 12 * i);
    directory.writeUInt32BE(count, 6 + 12 * i);
    directory.writeUInt32BE(value, 10 + 12 * i);
  }
  const head = Buffer.from("4d4d002a00000000", "hex");
  head.writeUInt32BE(end, 4);
  return Buffer.concat([head, ...blocks, directory]);
}

function sampleBytes(count: number, bits: number, values: readonly number[], float = false): Buffer {
  const bytes = Buffer.alloc((count * bits) / 8);
  for (let i = 0; i < count; i++) {
    const value = values[i % values.length] ?? 0;
    if (float) bytes.writeFloatBE(value, 4 * i);
    else if (bits === 32) bytes.writeUInt32BE(value, 4 * i);
    else if (bits === 16) bytes.writeUInt16BE(value, 2 * i);
    else bytes[i] = value;
  }
  return bytes;
}

/** Columns of a colour space's matrix to XYZ (D50). */
export const primaries = {
  srgb: [0.436, 0.2225, 0.0139, 0.3851, 0.7169, 0.0971, 0.1431, 0.0606, 0.7141],
  displayP3: [0.5151, 0.2412, -0.0011, 0.292, 0.6922, 0.0419, 0.1571, 0.0666, 0.7841],
  proPhoto: [0.7977, 0.288, 0, 0.1352, 0.7119, 0, 0.0313, 0.0001, 0.8249],
} as const;

/** An ICC profile (version 2.1) of a gamma and, for colours, primaries. */
export function iccProfile(gamma: number, columns?: readonly number[]): Buffer {
  const curve = Buffer.from("63757276000000000000000100000000", "hex");
  curve.writeUInt16BE(Math.round(256 * gamma), 12);
  const whitePoint = xyz([0.9642, 1, 0.8249]);
  if (!columns) return profileOf("GRAY", { wtpt: whitePoint, kTRC: curve });
  const colours = ["rXYZ", "gXYZ", "bXYZ"].map((name, i) => [name, xyz(columns.slice(3 * i, 3 * i + 3))]);
  const curves = { rTRC: curve, gTRC: curve, bTRC: curve };
  return profileOf("RGB ", { wtpt: whitePoint, ...Object.fromEntries(colours), ...curves });
}

function profileOf(space: string, tags: Record<string, Buffer>): Buffer {
  const list = Object.entries(tags);
  const header = Buffer.alloc(132 + 12 * list.length);
  header.writeUInt32BE(0x02100000, 8);
  header.write(`mntr${space}XYZ `, 12, "latin1");
  header.write("acsp", 36, "latin1");
  xyz([0.9642, 1, 0.8249]).copy(header, 68, 8);
  header.writeUInt32BE(list.length, 128);
  let end = header.length;
  for (const [i, [name, data]] of list.entries()) {
    header.write(name, 132 + 12 * i, "latin1");
    header.writeUInt32BE(end, 136 + 12 * i);
    header.writeUInt32BE(data.length, 140 + 12 * i);
    end += data.length;
  }
  header.writeUInt32BE(end, 0);
  return Buffer.concat([header, ...list.map(([, data]) => data)]);
}

function xyz(values: readonly number[]): Buffer {
  const tag = Buffer.alloc(20);
  tag.write("XYZ ", 0, "latin1");
  for (const [i, value] of values.entries()) tag.writeInt32BE(Math.round(65536 * value), 8 + 4 * i);
  return tag;
}

/** Numbers from 0 to 1 that stand for an 8-bit sRGB colour in a space of these primaries and gamma. */
export function inSpace(rgb: readonly number[], gamma: number, columns: readonly number[]): number[] {
  const linear = rgb.map(linearOf);
  const target = [0, 1, 2].map((i) =>
    linear.reduce((sum, value, c) => sum + value * at(primaries.srgb, i, c), 0),
  );
  const whole = determinant((i, c) => at(columns, i, c));
  return [0, 1, 2].map((channel) => {
    const replaced = determinant((i, c) => (c === channel ? (target[i] ?? 0) : at(columns, i, c)));
    return Math.max(0, replaced / whole) ** (1 / gamma);
  });
}

/** An 8-bit sRGB value as light, 0 to 1. */
export function linearOf(value: number): number {
  const v = value / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

const at = (columns: readonly number[], row: number, column: number) => columns[3 * column + row] ?? 0;

function determinant(m: (row: number, column: number) => number): number {
  const minor = (a: number, b: number) => m(1, a) * m(2, b) - m(1, b) * m(2, a);
  return m(0, 0) * minor(1, 2) - m(0, 1) * minor(0, 2) + m(0, 2) * minor(0, 1);
}

/** A GIF of one frame in one colour at `left`, `top` of a larger canvas; its other colours are black. */
export function smallFrameGif(
  canvas: number,
  frame: number,
  left: number,
  top: number,
  clear = false,
): Buffer {
  const u16 = (...values: number[]) => values.flatMap((value) => [value & 255, value >> 8]);
  const control = [0x21, 0xf9, 4, clear ? 1 : 0, ...u16(10), 3, 0];
  // Codes of 3 bits: a clear code before every second pixel keeps the table from growing.
  const codes: number[] = [];
  for (let i = 0; i < frame * frame; i++) codes.push(...(i % 2 ? [1] : [4, 1]));
  codes.push(5);
  const bits = codes
    .map((code) => code.toString(2).padStart(3, "0"))
    .reverse()
    .join("");
  const packed = Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
    Number.parseInt(bits.slice(Math.max(0, bits.length - 8 * (i + 1)), bits.length - 8 * i), 2),
  );
  const blocks: number[] = [];
  for (let i = 0; i < packed.length; i += 255) {
    const block = packed.slice(i, i + 255);
    blocks.push(block.length, ...block);
  }
  return Buffer.from([
    ...Buffer.from("GIF89a"),
    ...[...u16(canvas, canvas), 0x81, 0, 0],
    ...[0, 0, 0, 200, 40, 30, 0, 0, 0, 0, 0, 0],
    ...control,
    ...[0x2c, ...u16(left, top, frame, frame), 0, 2, ...blocks, 0, 0x3b],
  ]);
}
