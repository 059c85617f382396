import type { RawVideo } from "#ts/media/index.js";

const red = [230, 40, 30];

/** A gradient that turns blue from frame to frame, and a red disc, soft at its edge, that crosses it from left to right. */
export function testVideo(width = 96, height = 64, count = 8, fps = 8): RawVideo {
  const frames = new Uint8Array(3 * width * height * count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const centre = ((i + 0.5) * width) / count;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at += 3) {
        const inside = (height / 4 - Math.hypot(x - centre, y - height / 2)) / 8 + 0.5;
        const disc = Math.min(1, Math.max(0, inside));
        const gradient = [(200 * x) / width, (220 * y) / height, (255 * i) / count];
        for (let c = 0; c < 3; c++) frames[at + c] = disc * (red[c] ?? 0) + (1 - disc) * (gradient[c] ?? 0);
      }
    }
  }
  return { frames, count, width, height, fps };
}

/** Peak signal-to-noise ratio in dB; infinite where equal. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} bytes`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return 10 * Math.log10((255 ** 2 * a.length) / sum);
}

export const metadata = {
  software: "cameo 0.1.0",
  parameters: {
    prompt: 'A "fox" <runs> & \u4f60\u597d \u0001\u0085 \ud83e\udd8a ]]> é',
    seed: 42,
    guidanceScale: 7.5,
  },
};
