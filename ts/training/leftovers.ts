import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { kinds } from "./kinds.js";
import { partialName } from "./model_files.js";

/** As native/weights and ts/media name files that are not written to their end. */
const temporaryFile = /\.\d+-\d+\.partial$|^\..+\.[0-9a-f]{12}\.tmp$/;

const temporaryModels = Object.values(kinds).flatMap(({ model, adapters }) =>
  [model, ...(adapters ? [adapters] : [])].map(({ name }) => partialName(name)),
);

/**
 * Removes what interrupted writes left in a folder and below. Where other processes write too, `changedBefore`, in
 * milliseconds as of `Date.now`, spares what they may be at.
 */
export async function removeLeftovers(
  folder: string,
  changedBefore = Number.POSITIVE_INFINITY,
): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const { name, parentPath } of entries) {
    if (!temporaryFile.test(name) && !temporaryModels.includes(name)) continue;
    const path = join(parentPath, name);
    const changed = await stat(path).catch(() => undefined);
    if (changed && changed.mtimeMs < changedBefore) await rm(path, { recursive: true, force: true });
  }
}
