import { referencesOf, type Sample } from "../data/index.js";
import type { NativeTrainingSample } from "../native.js";
import type { CompleteRecipe } from "./recipe.js";

/** A sample as the native trainer takes it. */
export function nativeSample(sample: Sample, { data }: CompleteRecipe): NativeTrainingSample {
  const { position, ids, width, height, frames, references, regions, latents, cachePath } = sample;
  const referenceCount = referencesOf(data);
  return { position, ids, width, height, frames, references, regions, latents, cachePath, referenceCount };
}
