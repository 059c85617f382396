import { referencesOf, type Sample } from "../data/index.js";
import type { NativeTrainingSample } from "../native.js";
import type { CompleteRecipe } from "./recipe.js";

/** A caption's token ids; undefined where the sample has them already. */
export type CaptionIds = (caption: string) => Int32Array | undefined;

/** A sample as the native trainer takes it. */
export function nativeSample(
  sample: Sample,
  { data }: CompleteRecipe,
  idsOf: CaptionIds,
): NativeTrainingSample {
  const ids = idsOf(sample.caption) ?? sample.ids;
  const { position, width, height, frames, references, regions, latents, cachePath } = sample;
  const referenceCount = referencesOf(data);
  return { position, ids, width, height, frames, references, regions, latents, cachePath, referenceCount };
}
