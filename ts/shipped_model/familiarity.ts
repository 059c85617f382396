import type { NativePipeline, RgbImage } from "../native.js";
import { runTask, type TaskOptions } from "../task.js";
import type { ShippedModel } from "./index.js";

const unfamiliar = (name: string) =>
  `${name} is unlike the drawn characters on white that the built-in model knows, and so will the video be; for real ` +
  "pictures name the weights of a model for them: base (Stable Diffusion 1.5), motion (AnimateDiff) and subject " +
  "(VideoMaker), see weights/README.md";

/**
 * A warning for each of the references that the model's own VAE can't show: what it never saw, its other networks have
 * never seen, either. None of one that can't be looked at: a video is worth more than what is said about it.
 */
export async function warnOfUnfamiliar(
  native: NativePipeline,
  references: readonly RgbImage[],
  { leastReferencePsnr }: ShippedModel,
  options: TaskOptions,
): Promise<string[]> {
  const warnings = references.map(async (image, i) => {
    const shown = await runTask(() => native.reconstruct(image), options).catch(() => undefined);
    if (shown === undefined || psnr(image.data, shown.data) >= leastReferencePsnr) return [];
    return [unfamiliar(references.length === 1 ? "the reference" : `reference ${i + 1}`)];
  });
  return (await Promise.all(warnings)).flat();
}

/** Peak signal-to-noise ratio of 8-bit values, in dB. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  const squares = a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);
  return 10 * Math.log10((255 ** 2 * a.length) / squares);
}
