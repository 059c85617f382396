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
  const cbScale = 224 / 255 / (2 * (1 - blue));
  const crScale = 224 / 255 / (2 * (1 - red));
  for (let y = 0; y < evenHeight; y += 2) {
    const rows = [y * width, Math.min(y + 1, height - 1) * width] as const;
    for (let x = 0; x < evenWidth; x += 2) {
      let [r, g, b] = [0, 0, 0];
      for (let i = 0; i < 4; i++) {
        const at = 3 * (rows[(i >> 1) as 0 | 1] + Math.min(x + (i & 1), width - 1));
        const [pr, pg, pb] = [rgb[at] ?? 0, rgb[at + 1] ?? 0, rgb[at + 2] ?? 0];
        out[(y + (i >> 1)) * evenWidth + x + (i & 1)] = 16.5 + scale * (red * pr + green * pg + blue * pb);
        r += pr / 4;
        g += pg / 4;
        b += pb / 4;
      }
      const mean = red * r + green * g + blue * b;
      const chroma = pixels + ((y >> 1) * evenWidth) / 2 + (x >> 1);
      out[chroma] = 128.5 + cbScale * (b - mean);
      out[chroma + pixels / 4] = 128.5 + crScale * (r - mean);
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
