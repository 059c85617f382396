import { stat } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { exists } from "../media/files.js";
import { framePaths } from "../media/frame_folder.js";
import { clipExtensions, pictureExtensions, withoutExtension } from "../media/names.js";
import type { CompleteDataRecipe } from "../training/complete_types.js";
import type { Entry } from "./sources/index.js";

/** Where a clip's file or frame folder is, and its subjects' masks where they are needed. */
export interface ClipFiles {
  clip: string;
  /** None, or one for each subject. */
  masks: string[];
}

/** An Error says what is missing. */
export async function findFiles(entry: Entry, data: CompleteDataRecipe): Promise<ClipFiles> {
  return { clip: await findClip(entry), masks: await findMasks(entry, data) };
}

/** An Error says that there is none. */
export async function findClip({ paths }: Entry): Promise<string> {
  const clip = await firstExisting(paths);
  if (clip !== undefined) return clip;
  throw new Error(`there is no such file${alsoTried(paths)}; check data.root`);
}

/** Of each of the clip's subjects; none where it needs none. An Error says what is missing. */
export async function findMasks(entry: Entry, { references, masks }: CompleteDataRecipe): Promise<string[]> {
  if (references?.subjects) return findSubjectMasks(entry, references.subjects.count);
  if (!references?.highlight) return [];
  if (entry.mask !== undefined) {
    if (await exists(entry.mask)) return [entry.mask];
    throw new Error(`its mask ${entry.mask} does not exist; make it, or leave the mask empty`);
  }
  if (masks === undefined) return [];
  const mask = await firstExisting(maskPaths(masks, entry.name));
  if (mask !== undefined) return [mask];
  throw new Error(`it has no mask in ${masks}; make one of the clip's name, or leave the clip out`);
}

async function findSubjectMasks({ subjectMasks = [] }: Entry, count: number): Promise<string[]> {
  if (subjectMasks.length !== count) {
    const has = `it has ${subjectMasks.length} subjects in the list's column "subjects"`;
    throw new Error(`${has}, and data.references.subjects.count is ${count}; leave it out, or name as many`);
  }
  const missing = await firstMissing(subjectMasks);
  if (missing === undefined) return subjectMasks;
  throw new Error(`its mask ${missing} does not exist; make it, or leave the clip out`);
}

/** A file's name within its clip or mask, its bytes and its time of change. */
type Stamp = [name: string, bytes: number, changed: number];

/** Of everything that a clip and its masks are made of, wherever they lie. */
export async function fileStamps({ clip, masks }: ClipFiles): Promise<{ clip: Stamp[]; mask: Stamp[] }> {
  return { clip: await stamps(clip), mask: (await Promise.all(masks.map(stamps))).flat() };
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

async function firstMissing(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (!(await exists(path))) return path;
  return undefined;
}

function alsoTried([, ...others]: readonly string[]): string {
  return others.length === 0 ? "" : `, nor ${others.join(", ")}`;
}
