import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openAddon } from "./addon.js";
import { errorsOf } from "./errors.js";
import type { Inspection } from "./inspection.js";
import { exists } from "./media/files.js";
import { T5Tokenizer } from "./tokens/t5_tokenizer.js";
import { ClipTokenizer } from "./tokens/tokenizer.js";
import type { CompleteRecipe } from "./training/complete_types.js";
import { RunFolder } from "./training/run_folder.js";

/** What a trainer writes into its run's folder `model`. */
const models = ["subject.safetensors", "motion", "base"];

/** In a folder as Wan's authors publish it. */
const releasedWanTokenizer = "google/umt5-xxl";

/** What a weight file or folder is, a training run's among them. Rejects as `Pipeline.load` for what is neither. */
export async function inspectPath(path: string): Promise<Inspection> {
  const run = await readRun(path);
  if (run !== undefined) return inspectRun(path, run);
  const inspection = await inspectWeights((await modelIn(path)) ?? path);
  if (inspection.kind === "checkpoint") return withResume(inspection, dirname(dirname(path)));
  return inspection;
}

async function inspectWeights(path: string): Promise<Inspection> {
  const toError = errorsOf(inspectWeights);
  const text = await openAddon({ cuda: false })
    .inspect(path)
    .catch((error) => {
      throw toError(error);
    });
  const inspection = JSON.parse(text) as Inspection;
  if (
    inspection.option !== "--base" ||
    ["ldm-checkpoint", "ldm-video", "dynamicrafter"].includes(inspection.kind)
  )
    return inspection;
  const base = inspection.argument as string;
  const has = (folder: string) => exists(join(base, folder));
  if (!(await has("text_encoder")) && (await has("image_encoder"))) return inspection;
  try {
    const isReleasedWan = inspection.family === "wan" && !(await has("transformer"));
    const folder = join(base, isReleasedWan ? releasedWanTokenizer : "tokenizer");
    const readsByT5 = isReleasedWan || (await has("transformer"));
    await (readsByT5 ? T5Tokenizer.load(folder) : ClipTokenizer.load(folder));
    return inspection;
  } catch (error) {
    return { ...inspection, option: null, argument: null, reason: (error as Error).message };
  }
}

/** The recipe of the run whose folder this is. */
async function readRun(path: string): Promise<CompleteRecipe | undefined> {
  if (!(await new RunFolder(path).isUsed())) return undefined;
  try {
    return JSON.parse(await readFile(join(path, "recipe.json"), "utf8")) as CompleteRecipe;
  } catch {
    return undefined;
  }
}

async function inspectRun(path: string, { kind, steps }: CompleteRecipe): Promise<Inspection> {
  const folder = new RunFolder(path);
  const [newest] = await folder.checkpoints();
  const model = await modelIn(folder.model);
  const parts = {
    ...(model !== undefined && { model: await inspectWeights(model) }),
    ...(newest !== undefined && { checkpoint: await inspectWeights(newest.path) }),
  };
  const networks = Object.values(parts);
  const total = (count: "bytes" | "tensors" | "parameters") =>
    networks.reduce((sum, network) => sum + network[count], 0);
  const { option = null, argument = null } = parts.model ?? {};
  return {
    path,
    kind: "run",
    description: `a training run (${kind}), ${newest ? `${newest.step} of ${steps} steps in its newest checkpoint` : "without a checkpoint yet"}`,
    option,
    argument,
    format: "run folder",
    files: networks.flatMap(({ files }) => files),
    ...{ bytes: total("bytes"), tensors: total("tensors"), parameters: total("parameters") },
    components: parts,
    resume: join(path, "recipe.json"),
  };
}

async function withResume(inspection: Inspection, run: string): Promise<Inspection> {
  const recipe = join(run, "recipe.json");
  return (await exists(recipe)) ? { ...inspection, resume: recipe } : inspection;
}

/** What a trainer wrote into this folder, where it is one of its folders `model`. */
async function modelIn(folder: string): Promise<string | undefined> {
  const isOther = await Promise.all(
    ["config.json", "model_index.json", "unet"].map((name) => exists(join(folder, name))),
  );
  if (isOther.includes(true)) return undefined;
  const paths = models.map((name) => join(folder, name));
  const found = await Promise.all(paths.map(exists));
  return paths.find((_, i) => found[i]);
}
