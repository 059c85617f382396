import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** As native/weights, ts/media and this folder name what is not written to its end. */
const temporaryName = /\.\d+-\d+\.partial$|^(?:base|motion)\.partial$|^\..+\.[0-9a-f]{12}\.tmp$/;

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
    if (!temporaryName.test(name)) continue;
    const path = join(parentPath, name);
    const changed = await stat(path).catch(() => undefined);
    if (changed && changed.mtimeMs < changedBefore) await rm(path, { recursive: true, force: true });
  }
}
