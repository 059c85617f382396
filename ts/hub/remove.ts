import { lstat, readlink, rm, rmdir } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { CameoError } from "../errors.js";
import { fileReason } from "../media/files.js";
import { parseHubName } from "./name.js";
import { entriesBelow, RepoCache } from "./repo_cache.js";
import { type HubSettings, hubSettings } from "./settings.js";

/** What was removed. */
export interface Removal {
  name: string;
  /** Freed on the disk. */
  bytes: number;
}

/**
 * Removes from the cache what a name stands for: a repository; with a revision that commit of it; with a path that file or
 * folder. What other commits use, too, stays. Rejects with ERR_INVALID_OPTION for what is no name, and with ERR_HUB for
 * what isn't there or can't be removed.
 */
export async function removeFromCache(text: string, settings: HubSettings = hubSettings()): Promise<Removal> {
  const { repo, path, revision } = parseHubName(text);
  const cache = new RepoCache(settings, repo);
  const commit = text.includes("@") ? ((await cache.commitOf(revision)) ?? "none") : undefined;
  try {
    const entries = await entriesBelow(cache.folder);
    const isWhole = commit === undefined && path === "";
    const chosen = isWhole ? entries : entries.filter((entry) => isOf(cache, entry, commit, path));
    if (chosen.length === 0) throw new CameoError("ERR_HUB", `${text}: it isn't in ${settings.cache}`);
    return { name: text, bytes: isWhole ? await removeAll(cache) : await removeSome(cache, entries, chosen) };
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    const reason = fileReason(cause);
    throw new CameoError("ERR_HUB", `${text}: it can't be removed from ${settings.cache}: ${reason}`, {
      cause,
    });
  }
}

/** Whether it is the commit's, or any commit's, at the path or below. */
function isOf(cache: RepoCache, entry: string, commit: string | undefined, path: string): boolean {
  const [folder, at, ...parts] = relative(cache.folder, entry).split(sep);
  const file = parts.join("/");
  const isThere = path === "" || file === path || file.startsWith(`${path}/`);
  return folder === "snapshots" && (commit === undefined || at === commit) && isThere;
}

async function removeAll(cache: RepoCache): Promise<number> {
  const bytes = await bytesOf(await entriesBelow(cache.folder));
  await rm(cache.folder, { recursive: true, force: true });
  await rm(cache.locks, { recursive: true, force: true });
  return bytes;
}

/** Links first: they never lead to what is gone. */
async function removeSome(cache: RepoCache, entries: readonly string[], chosen: string[]): Promise<number> {
  const gone = new Set(chosen);
  const kept = entries.filter((entry) => !gone.has(entry));
  const used = new Set(await blobsOf(cache, kept));
  const unused = (await blobsOf(cache, chosen)).filter((blob) => !used.has(blob));
  const removed = [...chosen, ...new Set(unused)];
  const bytes = await bytesOf(removed);
  for (const path of removed) await rm(path, { force: true });
  for (const entry of chosen) await removeEmptyFolders(dirname(entry), cache.folder);
  const left = await cache.commits();
  for (const [name, commit] of await cache.revisions()) {
    if (!left.includes(commit)) await rm(join(cache.folder, "refs", name), { force: true });
  }
  return left.length === 0 ? bytes + (await removeAll(cache)) : bytes;
}

/** The blobs of the repository that entries of snapshots are links to. */
async function blobsOf(cache: RepoCache, entries: readonly string[]): Promise<string[]> {
  const targets = await Promise.all(
    entries.map(async (entry) => {
      const target = await readlink(entry).catch(() => undefined);
      return target === undefined ? [] : [resolve(dirname(entry), target)];
    }),
  );
  return targets.flat().filter((target) => dirname(target) === cache.blobs);
}

async function removeEmptyFolders(folder: string, top: string): Promise<void> {
  if (folder === top) return;
  const isRemoved = await rmdir(folder).then(
    () => true,
    () => false,
  );
  if (isRemoved) await removeEmptyFolders(dirname(folder), top);
}

/** Of files; links take none. */
async function bytesOf(paths: readonly string[]): Promise<number> {
  const stats = await Promise.all(paths.map((path) => lstat(path).catch(() => undefined)));
  return stats.reduce((total, each) => total + (each?.isFile() ? each.size : 0), 0);
}
