import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CameoError } from "../errors.js";
import { fileReason } from "../media/files.js";
import type { CompleteRecipe } from "./complete_types.js";
import { writtenBy } from "./kinds.js";
import type { ExportPart } from "./model_writers.js";

/** Of a model that is not written to its end. */
export function partialName(name: string): string {
  return `${name}.partial`;
}

/**
 * Writes what was trained in the public layouts: a subject's file, a MotionAdapter folder or a whole base folder.
 * Resolves to its path, which has its old content, or none, until it has all of the new.
 */
export async function writeModel(
  recipe: CompleteRecipe,
  folder: string,
  exportPart: ExportPart,
): Promise<string> {
  const { name, write } = writtenBy(recipe);
  const path = join(folder, name);
  const partial = partialName(path);
  try {
    await mkdir(folder, { recursive: true });
    await rm(partial, { recursive: true, force: true });
    await write(recipe, partial, exportPart);
    await rm(path, { recursive: true, force: true });
    await rename(partial, path);
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    throw new CameoError(
      "ERR_CHECKPOINT",
      `${path} can't be written: ${fileReason(cause)}; make room and resume`,
      { cause },
    );
  }
  return path;
}
