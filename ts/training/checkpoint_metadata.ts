import { openAddon } from "../addon.js";
import { CameoError } from "../errors.js";
import type { Inspection } from "../inspection.js";
import { shortened } from "../quote.js";
import { completeRecipe } from "./complete_recipe.js";
import type { CompleteRecipe } from "./complete_types.js";
import { resumeDifferences } from "./resume_differences.js";
import { changedWeights, type WeightFile } from "./weight_files.js";

/** What a checkpoint says of its run, beside the tensors. */
export interface RunMetadata {
  recipe: CompleteRecipe;
  /** `TrainingData.fingerprint`. */
  dataFingerprint: string;
  /** Samples to a step in all processes together. */
  samplesPerStep: number;
  /** What its networks began with. */
  weights: WeightFile[];
}

/** Reads it back; ERR_CHECKPOINT where the file is no whole checkpoint. */
export async function readRunMetadata(path: string): Promise<RunMetadata> {
  const saved = await readSaved(path);
  try {
    if (saved.weights === undefined) throw new Error("it does not say which weights it began with");
    // What did not exist then had no effect, as by its default now.
    return { ...saved, recipe: completeRecipe(saved.recipe, "/") };
  } catch (cause) {
    throw new CameoError(
      "ERR_CHECKPOINT",
      `${path} is of another version of cameo (${(cause as Error).message}): go on with that, or start anew with another output`,
      { cause },
    );
  }
}

async function readSaved(path: string): Promise<RunMetadata> {
  try {
    const { metadata } = JSON.parse(await openAddon().inspect(path)) as Inspection;
    return JSON.parse(metadata?.run ?? "") as RunMetadata;
  } catch (cause) {
    throw damaged(path, cause);
  }
}

/** ERR_CHECKPOINT: a checkpoint that can't be read, for whatever reason. */
function damaged(path: string, cause: unknown): CameoError {
  return new CameoError(
    "ERR_CHECKPOINT",
    `${path} is not a whole checkpoint of a training run; remove it to resume from an older one`,
    { cause },
  );
}

/** ERR_CHECKPOINT where resuming from `path` would not continue the run that it is of. */
export function checkSameRun(path: string, saved: RunMetadata, now: RunMetadata): void {
  const fields = resumeDifferences(saved.recipe, now.recipe);
  const { batch, accumulation } = now.recipe;
  const processes = (run: RunMetadata) => run.samplesPerStep / (batch * accumulation);
  const weights = changedWeights(saved.weights, now.weights);
  const value = (field: unknown) => shortened(JSON.stringify(field) ?? "none");
  const changed = [
    ...fields.map(({ name, ...field }) => `${name} (${value(field.saved)} then, ${value(field.now)} now)`),
    ...weights,
  ];
  if (changed.length === 0 && saved.samplesPerStep !== now.samplesPerStep) {
    changed.push(`the number of processes (${processes(saved)} then, ${processes(now)} now)`);
  }
  if (changed.length === 0 && saved.dataFingerprint !== now.dataFingerprint) {
    changed.push("the clips or captions of the data set");
  }
  if (changed.length === 0) return;
  throw new CameoError(
    "ERR_CHECKPOINT",
    `${path} is of another run: ${changed.join(", ")} changed; undo that, or start anew with another output`,
  );
}
