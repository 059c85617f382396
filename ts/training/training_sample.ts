import { referencesOf, type Sample } from "../data/index.js";
import type { NativeTrainingSample } from "../native.js";
import type { CompleteRecipe } from "./complete_types.js";

/** A caption's token ids; undefined where the sample has them already. */
export type CaptionIds = (caption: string) => Int32Array | undefined;

/** Where what the text encoder says of these token ids is kept; undefined where it isn't. */
export type StatesPath = (ids: Int32Array) => string | undefined;

/** A sample as the native trainer takes it. */
export function nativeSample(
  sample: Sample,
  { data }: CompleteRecipe,
  { idsOf, statesPath }: { idsOf: CaptionIds; statesPath: StatesPath },
): NativeTrainingSample {
  const ids = idsOf(sample.caption) ?? sample.ids;
  const { position, width, height, frames, references, regions, motionBucket, latents, cachePath } = sample;
  const referenceCount = referencesOf(data);
  const pictures = { width, height, frames, references, regions, latents, cachePath, referenceCount };
  return { position, ids, statesPath: statesPath(ids), ...pictures, motionBucket };
}
