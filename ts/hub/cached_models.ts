import { readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { hubNameText } from "./name.js";
import { folderOf, type Needed, neededFiles, weightFilesIn } from "./needed_files.js";
import { cachedRepos, RepoCache } from "./repo_cache.js";
import { type HubSettings, hubSettings } from "./settings.js";

/** A model in the cache, as loading takes it. */
export interface CachedModel {
  /** Its name on the hub, for the option that takes it. */
  name: string;
  commit: string;
  /** The branches and tags that were this commit when they were last asked for. */
  revisions: string[];
  /** A folder, or a file. */
  path: string;
  /** The class that it says it is, or "weights". */
  kind: string;
  /** The flag that takes it, as in "--base"; null where that can't be told without reading the weights. */
  option: string | null;
  /** Of all that is in the cache of it. */
  bytes: number;
}

/** Networks that loading takes alone. */
const optionsOfClasses: Record<string, string | null> = {
  MotionAdapter: "--motion",
  AutoencoderKL: "--vae",
};

/** What the cache has that can be loaded: of a snapshot its pipeline, else its networks and weight files. */
export async function listCachedModels(settings: HubSettings = hubSettings()): Promise<CachedModel[]> {
  const models: CachedModel[] = [];
  for (const repo of await cachedRepos(settings.cache)) {
    const cache = new RepoCache(settings, repo);
    const revisions = await cache.revisions();
    for (const commit of await cache.commits()) {
      const names = [...revisions].filter(([, at]) => at === commit).map(([name]) => name);
      models.push(...(await modelsOf(cache, repo, commit, names)));
    }
  }
  return models;
}

async function modelsOf(
  cache: RepoCache,
  repo: string,
  commit: string,
  revisions: string[],
): Promise<CachedModel[]> {
  const files = await cache.files(commit);
  const revision = revisions.includes("main") ? "main" : (revisions[0] ?? commit);
  const found = await Promise.all(
    loadable(files).map(async (needed) => {
      const kind = await kindOf(cache, commit, needed);
      if (kind === undefined) return [];
      const name = hubNameText({ repo, path: needed.root, revision });
      const option = needed.kind === "pipeline" ? "--base" : (optionsOfClasses[kind] ?? null);
      const own = files.filter((file) => file === needed.root || isBelow(file, needed.root));
      const bytes = await sizeOf(own.map((file) => cache.path(commit, file)));
      return [{ name, commit, revisions, path: cache.path(commit, needed.root), kind, option, bytes }];
    }),
  );
  return found.flat();
}

function loadable(files: readonly string[]): Needed[] {
  const needed = (path: string) => {
    const found = neededFiles(files, path);
    return "problem" in found ? [] : [found];
  };
  const [whole] = needed("");
  if (whole?.kind === "pipeline") return [whole];
  const folders = files.filter((file) => /(^|\/)config\.json$/.test(file)).map(folderOf);
  const loose = weightFilesIn(files).filter((file) => !folders.includes(folderOf(file)));
  return [...folders, ...loose].flatMap(needed);
}

/** undefined for a network that nothing loads. */
async function kindOf(cache: RepoCache, commit: string, { root, kind }: Needed): Promise<string | undefined> {
  if (kind === "file") return "weights";
  const name = await className(
    join(cache.path(commit, root), kind === "pipeline" ? "model_index.json" : "config.json"),
  );
  if (kind === "pipeline") return name ?? "pipeline";
  return name !== undefined && name in optionsOfClasses ? name : undefined;
}

async function className(file: string): Promise<string | undefined> {
  try {
    const config = JSON.parse(await readFile(file, "utf8"));
    const name = config._class_name ?? config.architectures?.[0];
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}

function isBelow(file: string, folder: string): boolean {
  return folder === "" || file.startsWith(`${folder}/`);
}

/** Of different files, whatever links lead to them. */
async function sizeOf(paths: readonly string[]): Promise<number> {
  const files = new Set(await Promise.all(paths.map((path) => realpath(path))));
  const sizes = await Promise.all([...files].map(async (file) => (await stat(file)).size));
  return sizes.reduce((total, size) => total + size, 0);
}
