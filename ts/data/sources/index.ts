import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { CameoError } from "../../errors.js";
import { fileReason } from "../../media/files.js";
import type { CompleteDataRecipe } from "../../training/complete_types.js";
import { kinds } from "../../training/kinds.js";
import type { Recipe } from "../../training/recipe.js";
import type { Entry, OnUnusable } from "./entry.js";
import { looksLikeClasses, readClasses, readFolder } from "./folder.js";
import { readList } from "./list.js";
import { scanFolder } from "./scan.js";

export type { Entry } from "./entry.js";

/**
 * The clips that `data.source` names, in a fixed order; what is known not to be usable is reported and left out.
 * ERR_DATASET where nothing is left, or the source can't be read.
 */
export async function readEntries(
  data: CompleteDataRecipe,
  kind: Recipe["kind"],
  onUnusable: OnUnusable,
): Promise<Entry[]> {
  let first: CameoError | undefined;
  const report: OnUnusable = (clip, reason) => {
    first ??= reason;
    onUnusable(clip, reason);
  };
  const entries = await readSource(data, kind, report);
  if (entries.length > 0) return entries;
  if (first !== undefined) throw nothingReadable(data.source, first);
  throw sourceError(data.source, "there are no clips in it; give a folder of clips, or a list of them");
}

/** ERR_DATASET: no clip can be read, and why one of them can't. */
export function nothingReadable(source: string, reason: CameoError): CameoError {
  return sourceError(source, `none of its clips can be read; ${reason.message}`, reason);
}

function sourceError(source: string, reason: string, cause?: unknown): CameoError {
  return new CameoError("ERR_DATASET", `data ${source}: ${reason}`, { cause });
}

async function readSource(
  data: CompleteDataRecipe,
  kind: Recipe["kind"],
  onUnusable: OnUnusable,
): Promise<Entry[]> {
  const { source, layout, caption, masks, root = dirname(source) } = data;
  const { captions: needsCaptions, objective } = kinds[kind];
  const takesMotion = "motionBucket" in objective.defaults;
  const isFolder = (await statSource(source)).isDirectory();
  if (!isFolder && (layout === "folder" || layout === "classes")) {
    throw sourceError(source, `it is a file, and layout "${layout}" needs a folder; leave the layout out`);
  }
  if (isFolder && layout === "list") {
    throw sourceError(source, 'it is a folder, and layout "list" needs a file; give the .csv or .jsonl file');
  }
  if (!isFolder) return readList(source, { root, caption, needsCaptions, takesMotion, onUnusable });
  const scanned = await scanFolder(source, { pictures: data.frames === 1, except: masks }).catch((cause) => {
    throw sourceError(source, `it can't be read: ${fileReason(cause)}`, cause);
  });
  const isClasses = layout === "classes" || (layout === "auto" && looksLikeClasses(scanned));
  return isClasses
    ? readClasses(scanned, caption, onUnusable)
    : readFolder(scanned, needsCaptions, onUnusable);
}

async function statSource(source: string): Promise<Stats> {
  try {
    return await stat(source);
  } catch (cause) {
    throw sourceError(source, `${fileReason(cause)}; check the path`, cause);
  }
}
