/** The colour matrices of 8-bit video: ITU-R BT.709 (HD, and what is written here) and BT.601 (SD). */
export type Matrix = "bt709" | "bt601";

const luma = { bt709: { red: 0.2126, blue: 0.0722 }, bt601: { red: 0.299, blue: 0.114 } };

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
  const { red, blue } = luma.bt709;
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

/** Planar YUV 4:2:0 in limited range to RGB. */
export function i420ToRgb(yuv: Uint8Array, width: number, height: number, matrix: Matrix): Uint8Array {
  const { red, blue } = luma[matrix];
  const green = 1 - red - blue;
  const scale = 255 / 219;
  const toBlue = (2 * (1 - blue) * 255) / 224;
  const toRed = (2 * (1 - red) * 255) / 224;
  const [chromaWidth, chromaHeight] = [evenSize(width) / 2, evenSize(height) / 2];
  const rgb = new Uint8ClampedArray(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const chroma = width * height + (y >> 1) * chromaWidth + (x >> 1);
      const l = scale * ((yuv[y * width + x] ?? 0) - 16);
      const b = toBlue * ((yuv[chroma] ?? 0) - 128);
      const r = toRed * ((yuv[chroma + chromaWidth * chromaHeight] ?? 0) - 128);
      rgb[at] = l + r;
      rgb[at + 1] = l - (red * r + blue * b) / green;
      rgb[at + 2] = l + b;
    }
  }
  return new Uint8Array(rgb.buffer);
}
