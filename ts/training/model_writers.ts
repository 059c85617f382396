import { copyFile, cp, mkdir, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { exists, replaceFile } from "../media/files.js";
import { parsePythonJson, stringifyPythonJson } from "../python_json.js";
import type { CompleteRecipe } from "./complete_types.js";

/** Writes one of the objective's exports to a file; resolves to what its network's config.json has to say now. */
export type ExportPart = (path: string, part: string) => Promise<object>;

/** Writes a trained model where nothing is yet: a file or a folder. */
export type ModelWriter = (recipe: CompleteRecipe, path: string, exportPart: ExportPart) => Promise<void>;

const weights = "diffusion_pytorch_model.safetensors";
const textWeights = "model.safetensors";

export const writeSubject: ModelWriter = async (_recipe, path, exportPart) => {
  await exportPart(path, "subject");
};

/** Of Phantom's layout: the whole transformer, in place of the base's. */
export const writeWanSubject: ModelWriter = async (_recipe, path, exportPart) => {
  await exportPart(path, "transformer");
};

export const writeMotion: ModelWriter = async ({ model }, folder, exportPart) => {
  await mkdir(folder);
  // Of a link, as caches have them, what it leads to.
  await copyFile(join(model.motion as string, "config.json"), join(folder, "config.json"));
  await exportPart(join(folder, weights), "motion");
};

export const writeLora: ModelWriter = async (_recipe, path, exportPart) => {
  await exportPart(path, "lora");
};

/** The base folder, with this network in place of its own, and with what was drawn. */
export const writeFilmModel =
  (network: "unet" | "transformer"): ModelWriter =>
  async ({ model: { base } }, folder, exportPart) => {
    await copyBase(base, folder, (path) => isWeightFile(path) && path.startsWith(join(base, network)));
    await exportPart(join(folder, network, weights), network);
    for (const [name, file] of Object.entries(besideFilmNetwork)) {
      if (!(await exists(join(base, name))) || (await hasWeights(join(base, name)))) continue;
      await exportPart(join(folder, name, file), name);
    }
  };

/** The networks that a film model has beside the trained one, and the names of their files. */
const besideFilmNetwork = { vae: weights, text_encoder: textWeights, image_encoder: textWeights };

/** The base folder, with the networks that were trained or drawn in place of its own. */
export const writeImageModel: ModelWriter = async (recipe, folder, exportPart) => {
  const { base } = recipe.model;
  const replacesText =
    recipe.trained.includes("text_encoder") || !(await hasWeights(join(base, "text_encoder")));
  const isReplaced = (path: string) => {
    const isText = path.startsWith(join(base, "text_encoder"));
    return isWeightFile(path) && (path.startsWith(join(base, "unet")) || (isText && replacesText));
  };
  await copyBase(base, folder, isReplaced);
  await writePrediction(recipe, folder);
  await exportPart(join(folder, "unet", weights), "unet");
  if (replacesText) await exportPart(join(folder, "text_encoder", textWeights), "text_encoder");
};

/** The base folder with the VAE in place of its own; networks that have no weights stay without. */
export const writeVae: ModelWriter = async ({ model: { base } }, folder, exportPart) => {
  await copyBase(base, folder, (path) => isWeightFile(path) && path.startsWith(join(base, "vae")));
  const config = await exportPart(join(folder, "vae", weights), "vae");
  await changeJson(join(folder, "vae", "config.json"), config);
};

const baseParts = [
  ...["unet", "transformer", "vae", "text_encoder", "tokenizer", "image_encoder", "feature_extractor"],
  ...["scheduler", "model_index.json"],
];

async function copyBase(base: string, folder: string, isReplaced: (path: string) => boolean): Promise<void> {
  await mkdir(folder);
  for (const part of baseParts) {
    if (!(await exists(join(base, part)))) continue;
    await cp(join(base, part), join(folder, part), {
      recursive: true,
      dereference: true,
      filter: (path) => !isReplaced(path),
    });
  }
}

/** Samplers must know what the network was trained to predict. */
async function writePrediction({ objective }: CompleteRecipe, folder: string): Promise<void> {
  if (!("prediction" in objective)) return;
  await changeJson(join(folder, "scheduler", "scheduler_config.json"), {
    prediction_type: objective.prediction === "v" ? "v_prediction" : "epsilon",
  });
}

async function changeJson(path: string, changes: object): Promise<void> {
  const changed = { ...(parsePythonJson(await readFile(path, "utf8")) as object), ...changes };
  await replaceFile(path, Buffer.from(`${stringifyPythonJson(changed, 2)}\n`));
}

async function hasWeights(folder: string): Promise<boolean> {
  return (await readdir(folder)).some(isWeightFile);
}

function isWeightFile(path: string): boolean {
  return /\.(safetensors|bin|gguf)(\.index\.json)?$/.test(basename(path));
}
