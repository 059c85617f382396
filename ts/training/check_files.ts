import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { type ClipList, listClips } from "../data/index.js";
import { CameoError } from "../errors.js";
import { exists } from "../media/files.js";
import { readImage } from "../media/index.js";
import { within } from "../options/check.js";
import { remedyForMissing } from "../options/load.js";
import { picturesOf } from "../options/pictures.js";
import type { SampleRequest } from "../options/sample_options.js";
import type { CompleteRecipe } from "./complete_types.js";
import { writtenBy } from "./kinds.js";

/**
 * Whether all that a recipe names is there, and the validation's references can be read, from URLs too; resolves to its clips.
 * `folder`: what its relative paths were relative to.
 * ERR_INVALID_OPTION names a path, ERR_INVALID_IMAGE a reference, ERR_DATASET a source without clips.
 */
export async function checkFiles(
  recipe: CompleteRecipe,
  signal: AbortSignal | undefined,
  folder: string,
): Promise<ClipList> {
  const { kind, model, data, validation } = recipe;
  for (const part of ["base", "motion", "subject"] as const) {
    const path = model[part];
    const asGiven = path && relative(resolve(folder), path);
    await mustBeThere(`model.${part}`, path, asGiven && remedyForMissing(asGiven));
  }
  await mustBeFolder(writtenBy(recipe).name, model);
  await mustBeThere("data.root", data.root);
  await mustBeThere("data.masks", data.masks);
  await mustBeMakeable(recipe.output);
  for (const [i, { reference }] of (validation?.requests ?? []).entries()) {
    await checkReferences(`validation.requests[${i}]: `, reference, signal);
  }
  return listClips(data, kind);
}

async function mustBeThere(name: string, path: string | undefined, remedy = "check the path"): Promise<void> {
  if (path === undefined || (await exists(path))) return;
  throw new CameoError("ERR_INVALID_OPTION", `${name}: there is no ${path}; ${remedy}`);
}

/** Of what is written anew with the trained weights: its configs are copied. */
async function mustBeFolder(name: string, model: CompleteRecipe["model"]): Promise<void> {
  const path = name === "base" ? model.base : name === "motion" ? model.motion : undefined;
  if (path === undefined || (await stat(path)).isDirectory()) return;
  throw new CameoError(
    "ERR_INVALID_OPTION",
    `model.${name}: ${path} is a file, and what is trained is written as a folder like it; make one with ` +
      `\`cameo convert\``,
  );
}

/** Of the run's folder: what is there of its path must be folders, and the last of them one that can be written. */
async function mustBeMakeable(path: string): Promise<void> {
  let folder = path;
  while (dirname(folder) !== folder && !(await exists(folder))) folder = dirname(folder);
  const isFolder = (await stat(folder)).isDirectory();
  const isWritable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (isFolder && isWritable) return;
  const reason = isFolder ? `${folder} can't be written` : `${folder} is no folder`;
  throw new CameoError(
    "ERR_CHECKPOINT",
    `output ${JSON.stringify(path)} can't be made: ${reason}; choose another folder`,
  );
}

async function checkReferences(
  place: string,
  reference: SampleRequest["reference"],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { source, name } of picturesOf({ reference })) {
    await readImage(source, { signal, name }).catch((error) =>
      within(place, () => {
        throw error;
      }),
    );
  }
}
