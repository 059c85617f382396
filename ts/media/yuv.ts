/** Of a colour matrix: how much of a pixel's lightness is its red and its blue (ITU-T H.273, 8.3). */
export interface Matrix {
  red: number;
  blue: number;
}

/** HD, and what is written here. */
export const bt709: Matrix = { red: 0.2126, blue: 0.0722 };
/** SD, and what isn't said. */
export const bt601: Matrix = { red: 0.299, blue: 0.114 };

/** Matrices by their numbers of ITU-T H.273; those of RGB, YCgCo and others are none. */
export const matrices: Readonly<Record<number, Matrix>> = {
  1: bt709,
  2: bt601,
  4: { red: 0.3, blue: 0.11 },
  5: bt601,
  6: bt601,
  7: { red: 0.212, blue: 0.087 },
  9: { red: 0.2627, blue: 0.0593 },
  10: { red: 0.2627, blue: 0.0593 },
};

/** A plane of numbers: of one byte, or of two with their lowest first. */
export interface Plane {
  /** Where its first row begins, and how far rows are apart, in bytes. */
  offset: number;
  stride: number;
  columns: number;
  rows: number;
}

/** Lightness and two differences of colour, whose planes may be smaller. */
export interface YuvFrame {
  bytes: Uint8Array;
  planes: readonly [y: Plane, cb: Plane, cr: Plane];
  /** Bits of a number. */
  depth: number;
  /** Pixels, across and down, that share a difference of colour, as a power of two. */
  shift: readonly [across: number, down: number];
  matrix: Matrix;
  /** Whether numbers go from 0 to their largest; else Y from 16/255 to 235/255 and so on. */
  fullRange: boolean;
}

/** The least even number that is not below `size`: chroma is stored once for each 2x2 pixels. */
export const evenSize = (size: number): number => size + (size & 1);

/**
 * RGB to planar YUV 4:2:0 in BT.709 with limited range: Y 16..235, Cb and Cr 16..240 around 128.
 * An odd size grows by one column or row, a copy of the last.
 */
export function rgbToI420(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const [evenWidth, evenHeight] = [evenSize(width), evenSize(height)];
  const pixels = evenWidth * evenHeight;
  const out = new Uint8Array((pixels * 3) / 2);
  const { red, blue } = bt709;
  const green = 1 - red - blue;
  const scale = 219 / 255;
  // Of the sum of four pixels.
  const cbScale = 224 / 255 / (2 * (1 - blue)) / 4;
  const crScale = 224 / 255 / (2 * (1 - red)) / 4;
  for (let y = 0, chroma = pixels; y < evenHeight; y += 2) {
    for (let x = 0; x < evenWidth; x += 2, chroma++) {
      let [r, b, l] = [0, 0, 0];
      for (let i = 0; i < 4; i++) {
        const [px, py] = [x + (i & 1), y + (i >> 1)];
        const at = 3 * (Math.min(py, height - 1) * width + Math.min(px, width - 1));
        const pr = rgb[at] as number;
        const pb = rgb[at + 2] as number;
        const pl = red * pr + green * (rgb[at + 1] as number) + blue * pb;
        out[py * evenWidth + px] = 16.5 + scale * pl;
        r += pr;
        b += pb;
        l += pl;
      }
      out[chroma] = 128.5 + cbScale * (b - l);
      out[chroma + pixels / 4] = 128.5 + crScale * (r - l);
    }
  }
  return out;
}

/** A frame as 8-bit RGB (rows, columns, 3). */
export function yuvToRgb(frame: YuvFrame): Uint8Array {
  const { bytes, depth } = frame;
  const [across, down] = frame.shift;
  const [luma, cb, cr] = frame.planes;
  const wide = depth > 8 ? 1 : 0;
  const numbers = wide ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1) : bytes;
  const { light, blue, red, greenByBlue, greenByRed } = tables(frame);
  const top = 2 ** depth - 1;
  const { columns, rows } = luma;
  const lastColumn = cb.columns - 1;
  const rgb = new Uint8Array(3 * columns * rows);
  const rowOf = ({ offset, stride }: Plane, row: number) => (offset + row * stride) >> wide;
  for (let y = 0, at = 0; y < rows; y++) {
    const lumaRow = rowOf(luma, y);
    // An odd row's or column's half pixel of colour may be missing.
    const chromaY = Math.min(y >> down, cb.rows - 1);
    const [cbRow, crRow] = [rowOf(cb, chromaY), rowOf(cr, chromaY)];
    for (let x = 0, chromaX = 0; x < columns; chromaX++) {
      const column = Math.min(chromaX, lastColumn);
      const b = (numbers[cbRow + column] as number) & top;
      const r = (numbers[crRow + column] as number) & top;
      const addedRed = red[r] as number;
      const addedGreen = (greenByBlue[b] as number) + (greenByRed[r] as number);
      const addedBlue = blue[b] as number;
      for (const end = Math.min(columns, (chromaX + 1) << across); x < end; x++, at += 3) {
        const l = light[(numbers[lumaRow + x] as number) & top] as number;
        rgb[at] = clamped[(l + addedRed) >> fraction] as number;
        rgb[at + 1] = clamped[(l + addedGreen) >> fraction] as number;
        rgb[at + 2] = clamped[(l + addedBlue) >> fraction] as number;
      }
    }
  }
  return rgb;
}

/** Bits of the tables' numbers behind the point. */
const fraction = 8;
/** What is added to light, so that sums are never negative: more than a colour takes away from it. */
const lift = 512;
/** 0 to 255, of a sum with `lift`; the largest is of white with the most of a colour. */
const clamped = Uint8Array.from({ length: 2048 }, (_, i) => Math.min(255, Math.max(0, i - lift)));

type Tables = Record<"light" | "blue" | "red" | "greenByBlue" | "greenByRed", Int32Array>;
let kept: { key: string; tables: Tables } | undefined;

/** What each number adds to red, green and blue: 0 to 255, with `fraction`. */
function tables({ matrix, depth, fullRange }: YuvFrame): Tables {
  const key = [matrix.red, matrix.blue, depth, fullRange].join();
  if (kept?.key === key) return kept.tables;
  const steps = 2 ** depth;
  const unit = steps / 256;
  const [black, lightScale, chromaScale] = fullRange
    ? [0, 255 / (steps - 1), 255 / (steps - 1)]
    : [16 * unit, 255 / 219 / unit, 255 / 224 / unit];
  const { red, blue } = matrix;
  const green = 1 - red - blue;
  const table = (of: (number: number) => number) =>
    Int32Array.from({ length: steps }, (_, i) => Math.round(of(i) * 2 ** fraction));
  const difference = (scale: number) => table((number) => scale * chromaScale * (number - steps / 2));
  const [toBlue, toRed] = [2 * (1 - blue), 2 * (1 - red)];
  const made = {
    // With a half, for rounding.
    light: table((number) => lightScale * (number - black) + lift + 0.5),
    blue: difference(toBlue),
    red: difference(toRed),
    greenByBlue: difference((-toBlue * blue) / green),
    greenByRed: difference((-toRed * red) / green),
  };
  kept = { key, tables: made };
  return made;
}
