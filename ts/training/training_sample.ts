import type { Sample } from "../data/index.js";
import type { NativeTrainingSample } from "../native.js";
import type { CompleteRecipe } from "./recipe.js";

/** A sample as the native trainer takes it. */
export function nativeSample(sample: Sample, { data }: CompleteRecipe): NativeTrainingSample {
  const { position, ids, width, height, frames, references, latents, cachePath } = sample;
  const referenceCount = data.references?.count ?? 0;
  return { position, ids, width, height, frames, references, latents, cachePath, referenceCount };
}
