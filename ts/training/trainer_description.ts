import { createHash } from "node:crypto";
import { referencesOf } from "../data/index.js";
import type { PipelineDescription } from "../description.js";
import { CameoError } from "../errors.js";
import { notAllowed } from "../options/check.js";
import type { CompleteRecipe } from "./complete_types.js";
import { kinds } from "./kinds.js";
import type { WeightFile } from "./weight_files.js";

/** What a trainer has loaded. */
export interface TrainerDescription extends PipelineDescription {
  /** How many numbers the run trains. */
  trainedParameters: number;
  /** Of the VAE's latents. */
  latentChannels: number;
  /** How many pixels a latent stands for, along each side. */
  latentStride: number;
  /** How many frames a latent stands for: with more than one, each but a film's first. */
  latentTimeStride: number;
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

/** Says which text encoder reads captions, and in what, for states that are kept. */
export function textKey(
  { dtype }: Pick<TrainerDescription, "dtype">,
  weights: readonly WeightFile[],
): string {
  return keyOf("text_encoder", dtype, weights);
}

/**
 * Says which VAE encodes, and in what: latents that another one made are of no use. Not on which device, so that a run
 * can be resumed on another one; its latents are the same up to rounding. A VAE that was drawn can't be told from others, so its latents
 * may not be kept.
 */
export function vaeKey(
  kind: CompleteRecipe["kind"],
  { dtype }: Pick<TrainerDescription, "dtype">,
  weights: readonly WeightFile[],
  { isKept = false } = {},
): string {
  if (!weights.some(({ network }) => network === "vae") && (isKept || kinds[kind].encodes)) {
    throw new CameoError(
      "ERR_INVALID_OPTION",
      `model.base: its VAE has no weights; train one first, with a recipe whose kind is "vae", or "film-vae" for Wan`,
    );
  }
  return keyOf("vae", dtype, weights);
}

function keyOf(of: WeightFile["network"], dtype: string, weights: readonly WeightFile[]): string {
  const hash = createHash("sha256").update(dtype);
  for (const { network, fingerprint } of weights) if (network === of) hash.update(`\0${fingerprint}`);
  return hash.digest("hex");
}
