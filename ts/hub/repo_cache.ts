import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { isCommit } from "./name.js";
import type { HubSettings } from "./settings.js";

const modelPrefix = "models--";

/** What names a blob: a file's hash. */
export type BlobId = string;

/**
 * What the cache has of a repository, laid out as Python's huggingface_hub does it, so that both use the same files:
 * `blobs/` has the contents, each under its hash; `snapshots/COMMIT/` a commit's files, links to blobs where that can be;
 * `refs/` the commit of each branch and tag when it was last asked for.
 */
export class RepoCache {
  readonly folder: string;
  readonly blobs: string;
  readonly locks: string;
  readonly #links: boolean;

  constructor({ cache, links }: Pick<HubSettings, "cache" | "links">, repo: string) {
    const name = modelPrefix + repo.replace("/", "--");
    this.#links = links;
    this.folder = join(cache, name);
    this.blobs = join(this.folder, "blobs");
    this.locks = join(cache, ".locks", name);
  }

  blob(id: BlobId): string {
    return join(this.blobs, id);
  }

  /** Of a blob's download; Python's locks are of another kind. */
  lock(id: BlobId): string {
    return join(this.locks, `${id}.cameo.lock`);
  }

  /** Of a file or folder of a commit. */
  path(commit: string, file: string): string {
    return join(this.folder, "snapshots", commit, ...file.split("/").filter(Boolean));
  }

  /** The commit that a revision was when it was last asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.folder, "refs", revision), "utf8").catch(() => "");
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  async setCommit(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) return;
    const ref = join(this.folder, "refs", revision);
    await mkdir(dirname(ref), { recursive: true });
    const temporary = temporaryName(ref);
    await writeFile(temporary, commit);
    await rename(temporary, ref);
  }

  /** The commits that there are snapshots of. */
  async commits(): Promise<string[]> {
    const names = await readdir(join(this.folder, "snapshots")).catch(() => []);
    return names.filter(isCommit).sort();
  }

  /** The commits of branches and tags, by their names. */
  async revisions(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const name of await filesBelow(join(this.folder, "refs"))) {
      const commit = await this.commitOf(name);
      if (commit !== undefined) found.set(name, commit);
    }
    return found;
  }

  /** The paths of a commit's files that are there, with their contents. */
  async files(commit: string): Promise<string[]> {
    return filesBelow(join(this.folder, "snapshots", commit));
  }

  async has(commit: string, file: string): Promise<boolean> {
    return isFile(this.path(commit, file));
  }

  async hasBlob(id: BlobId): Promise<boolean> {
    return isFile(this.blob(id));
  }

  /** Puts a blob into a commit's snapshot. Where links can't be made, it becomes the file if it is new, else a copy does. */
  async put(commit: string, file: string, id: BlobId, isNew: boolean): Promise<void> {
    const target = this.path(commit, file);
    await mkdir(dirname(target), { recursive: true });
    const temporary = temporaryName(target);
    try {
      if (!(await this.#link(id, temporary))) {
        if (isNew) await rename(this.blob(id), temporary);
        else await copyFile(this.blob(id), temporary);
      }
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async #link(id: BlobId, at: string): Promise<boolean> {
    if (!this.#links) return false;
    try {
      // Relative, so that the cache can be moved.
      await symlink(relative(dirname(at), this.blob(id)), at);
      return true;
    } catch (error) {
      if (cannotLink.has((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  }
}

/** Said by Windows to users who may not, and by file systems that have none. */
const cannotLink = new Set(["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL"]);

/** The models' repositories that the cache has something of. */
export async function cachedRepos(cache: string): Promise<string[]> {
  const names = await readdir(cache).catch(() => []);
  return names
    .filter((name) => /^models--[^-].*--/.test(name))
    .map((name) => name.slice(modelPrefix.length).replace("--", "/"))
    .sort();
}

/** The paths of the files below a folder, with slashes; a link to what isn't there is left out. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await entriesBelow(folder);
  const isThere = await Promise.all(entries.map(isFile));
  return entries
    .filter((_, i) => isThere[i])
    .map((entry) => relative(folder, entry).replaceAll(sep, "/"))
    .sort();
}

/** All that lies below a folder but folders; links are not followed. */
export async function entriesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function temporaryName(path: string): string {
  return join(dirname(path), `.cameo.${randomBytes(6).toString("hex")}.tmp`);
}
