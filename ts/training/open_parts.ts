import { dirname, resolve } from "node:path";
import { openAddonFor } from "../addon.js";
import { type ClipList, TrainingData } from "../data/index.js";
import { CameoError, throwIfAborted } from "../errors.js";
import { loadEncoder } from "../media/index.js";
import type { NativeTrainer } from "../native.js";
import { nativeText } from "../native_text.js";
import { withCommits, withHubModels } from "../options/hub_models.js";
import { loadReport } from "../options/load.js";
import type { LoadProgress } from "../options/load_options.js";
import { readDescription } from "../options/sample.js";
import type { PreparedRequest } from "../prepared_request.js";
import { runTask, type TaskOptions } from "../task.js";
import { type Captions, openCaptions, tokensInWorkers } from "./captions.js";
import { checkFiles } from "./check_files.js";
import { checkSameRun, type RunMetadata, readRunMetadata } from "./checkpoint_metadata.js";
import type { CompleteRecipe } from "./complete_types.js";
import type { SkipEvent } from "./events.js";
import { kinds } from "./kinds.js";
import { type Membership, membershipFromEnvironment } from "./launch_environment.js";
import { folderOf, located, openRecipe, placeOf } from "./read_recipe.js";
import type { Recipe } from "./recipe.js";
import { type Checkpoint, RunFolder } from "./run_folder.js";
import { checkAgainstNetworks, type TrainerDescription, textKey, vaeKey } from "./trainer_description.js";
import { prepareValidation } from "./validation.js";
import { type WeightFile, weightFiles } from "./weight_files.js";

/** What `Trainer.open` takes besides a recipe. */
export interface TrainerOptions {
  /** Goes on from the newest checkpoint in the recipe's output, if there is one. Default: false. */
  resume?: boolean | undefined;
  /** Ends the opening; the promise then rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** How far the loading of the networks is. */
  onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** This process's place among those that train together. Default: what RANK, WORLD_SIZE and the like say. */
  membership?: Membership | undefined;
}

/** What a training run is made of. */
export interface Parts {
  native: NativeTrainer;
  recipe: CompleteRecipe;
  /** What the run's folder keeps of it. */
  movable: CompleteRecipe;
  /** What messages about a field of the recipe begin with. */
  source: string;
  description: TrainerDescription;
  data: TrainingData;
  captions: Captions;
  validation: PreparedRequest[];
  folder: RunFolder;
  metadata: RunMetadata;
  /** Rank 0 of one where a process trains alone. */
  place: { rank: number; processes: number };
  skips: SkipEvent[];
  /** The steps that the checkpoint which was resumed from had done. */
  done: number;
}

/** What is known of a run before its networks are loaded. */
interface Plan extends Pick<Parts, "recipe" | "movable" | "source" | "folder" | "place"> {
  list: ClipList;
  membership: Membership | undefined;
  /** What is resumed from. */
  checkpoint: Checkpoint | undefined;
  saved: RunMetadata | undefined;
}

/** Checks all that can be known to be wrong before gigabytes are read, then loads the networks and opens the data. */
export async function openParts(
  recipe: string | Recipe,
  options: TrainerOptions,
  toError: TaskOptions["toError"],
): Promise<Parts> {
  const { signal, onProgress } = options;
  throwIfAborted(signal);
  const plan = await planRun(recipe, options);
  const native = new (openAddonFor(plan.recipe.device).Trainer)();
  try {
    const forNative = nativeText({ ...plan.recipe, membership: plan.membership });
    const report = loadReport(onProgress);
    await runTask((onNative) => native.load(forNative, onNative), { signal, onProgress: report, toError });
    return await openLoaded(plan, native, signal, toError);
  } catch (error) {
    await native.close();
    throw located(error, plan.source);
  }
}

async function planRun(given: string | Recipe, options: TrainerOptions): Promise<Plan> {
  const { resume = false, signal } = options;
  const membership = options.membership ?? membershipFromEnvironment(process.env);
  const { complete, movable: asGiven } = await openRecipe(given);
  const folder = new RunFolder(complete.output);
  const checkpoint = resume ? (await folder.checkpoints())[0] : undefined;
  if (!resume && (await folder.isUsed())) throw usedError(folder);
  if (resume && !checkpoint) await checkNotMoved(given, folder);
  const saved = checkpoint && (await readRunMetadata(checkpoint.path));
  const source = placeOf(given);
  const recipe = { ...complete, model: await withHubModels(complete.model, options) };
  // A run goes on with what it began with, wherever the branch on the hub is then.
  const movable = { ...asGiven, model: withCommits(asGiven.model, recipe.model) };
  const list = await checkFiles(recipe, signal, folderOf(given)).catch((error) => {
    throw located(error, source);
  });
  const place = { rank: membership?.rank ?? 0, processes: membership?.worldSize ?? 1 };
  return { recipe, movable, source, folder, place, list, membership, checkpoint, saved };
}

async function openLoaded(
  { recipe, movable, source, folder, place, list, checkpoint, saved }: Plan,
  native: NativeTrainer,
  signal: AbortSignal | undefined,
  toError: TaskOptions["toError"],
): Promise<Parts> {
  const clips = list.entries.length + list.unusable.length;
  const description = { ...readDescription<TrainerDescription>(native.describe()), clips };
  checkAgainstNetworks(recipe, description);
  const weights = await weightFiles(description);
  const captions = await openCaptions(description, { ...recipe.data, key: textKey(description, weights) });
  const requests = recipe.validation?.requests ?? [];
  const validation = await prepareValidation(requests, description, captions.encodePrompts);
  if (requests.length > 0) await loadEncoder(validationName(1, recipe));
  const skips: SkipEvent[] = [];
  const data = await TrainingData.open(recipe.data, {
    ...dataOptions(recipe, description, weights),
    ...{ list, signal },
    onSkip: (clip, reason) => skips.push({ type: "skip", clip, reason }),
  });
  try {
    const samplesPerStep = recipe.batch * recipe.accumulation * place.processes;
    const metadata: RunMetadata = { recipe, dataFingerprint: data.fingerprint, samplesPerStep, weights };
    if (checkpoint && saved) {
      checkSameRun(checkpoint.path, saved, metadata);
      await runTask(() => native.resume(checkpoint.path), { signal, toError });
    }
    const loaded = { native, recipe, movable, source, description, data, captions, validation };
    return { ...loaded, folder, metadata, place, skips, done: checkpoint?.step ?? 0 };
  } catch (error) {
    await data.close();
    throw error;
  }
}

function usedError(folder: RunFolder): CameoError {
  return new CameoError(
    "ERR_CHECKPOINT",
    `output ${JSON.stringify(folder.path)} has a run in it already: resume it (--resume, in a program resume: true), or name another folder`,
  );
}

/** Of a request's video, from 1. */
export function validationName(index: number, { kind, validation }: CompleteRecipe): string {
  const format = validation?.format ?? "mp4";
  return format === "png" && !kinds[kind].stills ? `${index}-%03d.png` : `${index}.${format}`;
}

function dataOptions(
  { kind, batch, seed, data }: CompleteRecipe,
  description: TrainerDescription,
  weights: readonly WeightFile[],
) {
  const { latentStride, latentTimeStride, latentChannels } = description;
  const latents = { latentStride, latentTimeStride, latentChannels };
  const cacheKey = vaeKey(kind, description, weights, { isKept: data.cache !== undefined });
  return { kind, batch, seed, cacheKey, ...tokensInWorkers(description), ...latents };
}

/** A run that was moved goes on in its new place, not from its first step in the old one. */
async function checkNotMoved(recipe: string | Recipe, folder: RunFolder): Promise<void> {
  if (typeof recipe !== "string") return;
  const here = new RunFolder(resolve(dirname(recipe)));
  if ((await here.checkpoints()).length === 0) return;
  throw new CameoError(
    "ERR_CHECKPOINT",
    `output ${JSON.stringify(folder.path)} has no checkpoint, but the recipe's own folder has: to go on with those, ` +
      `write "output": "." into ${JSON.stringify(recipe)}`,
  );
}
