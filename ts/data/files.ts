import { stat } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { exists } from "../media/files.js";
import { framePaths } from "../media/frame_folder.js";
import { clipExtensions, pictureExtensions, withoutExtension } from "../media/names.js";
import type { CompleteDataRecipe } from "../training/recipe.js";
import type { Entry } from "./sources/index.js";

/** Where a clip's file or frame folder is, and its mask's where the references are to be highlighted. */
export interface ClipFiles {
  clip: string;
  mask: string | undefined;
}

/** An Error says what is missing. */
export async function findFiles(entry: Entry, data: CompleteDataRecipe): Promise<ClipFiles> {
  return { clip: await findClip(entry), mask: await findMask(entry, data) };
}

/** An Error says that there is none. */
export async function findClip({ paths }: Entry): Promise<string> {
  const clip = await firstExisting(paths);
  if (clip !== undefined) return clip;
  throw new Error(`there is no such file${alsoTried(paths)}; check data.root`);
}

/** Undefined where the clip needs none; an Error says that it is missing. */
export async function findMask(
  entry: Entry,
  { references, masks }: CompleteDataRecipe,
): Promise<string | undefined> {
  if (!references?.highlight) return undefined;
  if (entry.mask !== undefined) {
    if (await exists(entry.mask)) return entry.mask;
    throw new Error(`its mask ${entry.mask} does not exist; make it, or leave the mask empty`);
  }
  if (masks === undefined) return undefined;
  const mask = await firstExisting(maskPaths(masks, entry.name));
  if (mask !== undefined) return mask;
  throw new Error(`it has no mask in ${masks}; make one of the clip's name, or leave the clip out`);
}

/** A file's name within its clip or mask, its bytes and its time of change. */
type Stamp = [name: string, bytes: number, changed: number];

/** Of everything that a clip and its mask are made of, wherever they lie. */
export async function fileStamps({ clip, mask }: ClipFiles): Promise<{ clip: Stamp[]; mask: Stamp[] }> {
  return { clip: await stamps(clip), mask: mask === undefined ? [] : await stamps(mask) };
}

async function stamps(path: string): Promise<Stamp[]> {
  const stats = await stat(path);
  if (!stats.isDirectory()) return [[basename(path), stats.size, stats.mtimeMs]];
  return (await Promise.all((await framePaths(path)).map(stamps))).flat();
}

function maskPaths(folder: string, clip: string): string[] {
  // A clip outside of the list's root has its whole path for a name.
  const name = isAbsolute(clip) ? basename(clip) : clip;
  const stem = withoutExtension(name);
  const extensions = new Set([...clipExtensions, ...pictureExtensions]);
  const names = [name, stem, ...Array.from(extensions, (extension) => stem + extension)];
  return names.map((each) => join(folder, each));
}

async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

function alsoTried([, ...others]: readonly string[]): string {
  return others.length === 0 ? "" : `, nor ${others.join(", ")}`;
}
