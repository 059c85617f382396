import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { byName, isPicture } from "./names.js";

/** The files of a folder of frames, in the order of their numbers; an Error says that there are none. */
export async function framePaths(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => isPicture(name) && !name.startsWith("."));
  if (names.length === 0) throw new Error(`${folder} has no pictures in it`);
  return names.sort(byName).map((name) => join(folder, name));
}
