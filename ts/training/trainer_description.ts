import { createHash } from "node:crypto";
import { referencesOf } from "../data/index.js";
import type { PipelineDescription } from "../description.js";
import { CameoError } from "../errors.js";
import { notAllowed } from "../options/check.js";
import { kinds } from "./kinds.js";
import type { CompleteRecipe } from "./recipe.js";
import type { WeightFile } from "./weight_files.js";

/** What a trainer has loaded. */
export interface TrainerDescription extends PipelineDescription {
  /** How many numbers the run trains. */
  trainedParameters: number;
  /** Of the VAE's latents. */
  latentChannels: number;
  /** How many clips the data names, be they usable or not. */
  clips: number;
}

/** Checks a recipe against the networks. ERR_INVALID_OPTION. */
export function checkAgainstNetworks({ kind, data }: CompleteRecipe, loaded: TrainerDescription): void {
  for (const size of data.size) {
    if (size.every((side) => side % loaded.latentScale === 0)) continue;
    throw notAllowed("data.size", size.join("x"), `multiples of ${loaded.latentScale}`);
  }
  if (!kinds[kind].motion) return;
  const references = referencesOf(data);
  const most = (loaded.motion?.maxFrames ?? 1) - references;
  if (data.frames > most) {
    const and = references > 0 ? ` and ${references} reference${references === 1 ? "" : "s"}` : "";
    throw notAllowed("data.frames", data.frames, `at most ${most} with these motion modules${and}`);
  }
}

/**
 * Says which VAE encodes, and in what: latents that another one made are of no use. Not on which device, so that a run
 * can be resumed on another one; its latents are the same up to rounding.
 */
export function vaeKey(
  kind: CompleteRecipe["kind"],
  { dtype }: Pick<TrainerDescription, "dtype">,
  weights: readonly WeightFile[],
): string {
  const files = weights.filter(({ network }) => network === "vae");
  if (files.length === 0 && kinds[kind].encodes) {
    throw new CameoError(
      "ERR_INVALID_OPTION",
      `model.base: its VAE has no weights; train one first, with a recipe whose kind is "vae"`,
    );
  }
  const hash = createHash("sha256").update(dtype);
  for (const { fingerprint } of files) hash.update(`\0${fingerprint}`);
  return hash.digest("hex");
}
