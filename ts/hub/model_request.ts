import { readFile, stat } from "node:fs/promises";
import { type CameoError, throwIfAborted } from "../errors.js";
import { HubClient, type HubFile } from "./client.js";
import { bytesThere, downloadFile } from "./download.js";
import { hubError, notInCache, type Place } from "./errors.js";
import { hubNameText, isCommit, parseHubName } from "./name.js";
import {
  isShardIndex,
  isWeightFile,
  type Needed,
  neededFiles,
  shardsOf,
  type Unclear,
} from "./needed_files.js";
import type { Progress } from "./progress.js";
import { RepoCache } from "./repo_cache.js";
import type { HubSettings } from "./settings.js";

/** A model of the hub that is in the cache. */
export interface HubModel {
  /** As it was asked for. */
  name: string;
  commit: string;
  /** What loading is given: a folder, or a file. */
  path: string;
}

/** What is asked for. */
export interface HubRequest {
  name: string;
  /** Of a pipeline's repository only this folder; "" where a pipeline is not what is wanted. Default: all of it. */
  part?: string | undefined;
}

/** As native/weights/sharded_index.cc has it. */
const maxIndexBytes = 2 ** 24;

/** One name's way into the cache: `plan`, then `fetch`. */
export class ModelRequest {
  readonly place: Place;
  readonly #path: string;
  readonly #part: string | undefined;
  readonly #cache: RepoCache;
  readonly #client: HubClient;
  readonly #signal: AbortSignal | undefined;
  #commit = "";
  #root = "";
  /** Weights that the snapshot lacks. */
  #missing: HubFile[] = [];

  constructor(wanted: HubRequest, settings: HubSettings, signal: AbortSignal | undefined) {
    const name = parseHubName(wanted.name);
    const { repo, path, revision } = name;
    this.place = { name: hubNameText(name), repo, revision, settings };
    this.#path = path;
    this.#part = wanted.part;
    this.#cache = new RepoCache(settings, repo);
    this.#client = new HubClient(this.place, signal);
    this.#signal = signal;
  }

  /** Of the weights that have to be fetched. */
  get bytes(): number {
    return this.#missing.reduce((total, { size }) => total + size, 0);
  }

  /** The same without what an earlier download left. */
  async bytesLeft(): Promise<number> {
    const there = await Promise.all(this.#missing.map((file) => bytesThere(file, this.#cache)));
    return there.reduce((left, bytes) => left - bytes, this.bytes);
  }

  /** Finds out what is needed and what of it is missing; small files are fetched at once, as they may say what else is. */
  async plan(): Promise<void> {
    throwIfAborted(this.#signal);
    const { revision, settings } = this.place;
    const last = await this.#cache.commitOf(revision);
    const cached = last === undefined ? undefined : await this.#cached(last);
    const take = () => this.#take(last as string, cached as Needed);
    if (cached && (settings.offline || isCommit(revision))) return take();
    if (settings.offline) throw notInCache(this.place);
    const commit = isCommit(revision)
      ? revision
      : await this.#client.commit().catch((error: CameoError) => error);
    if (typeof commit === "string") return this.#planFor(commit);
    // As Python does: what was fetched once can be used while the hub doesn't answer.
    if (cached && commit.code === "ERR_HUB") return take();
    throw commit;
  }

  /** Fetches what is missing. */
  async fetch(progress: Progress): Promise<void> {
    for (const file of this.#missing) {
      await this.#fetch(file, (bytes) => progress.update(bytes));
      progress.next(file.size);
    }
    // Last, so that an earlier commit, which is whole, stays what is used offline. A cache may be another user's.
    await this.#cache.setCommit(this.place.revision, this.#commit).catch(() => {});
  }

  model(): HubModel {
    const path = this.#cache.path(this.#commit, this.#root);
    return { name: this.place.name, commit: this.#commit, path };
  }

  #take(commit: string, { root }: Needed): void {
    this.#commit = commit;
    this.#root = root;
  }

  async #planFor(commit: string): Promise<void> {
    const cached = await this.#cached(commit);
    // That a file is the only one in the repository, the cache can't say.
    if (cached && (cached.kind !== "file" || cached.root === this.#path)) return this.#take(commit, cached);
    const listed = await this.#client.files(commit);
    const files = new Map(listed.map((file) => [file.path, file]));
    const needed = neededFiles([...files.keys()], this.#path, this.#part);
    if ("problem" in needed) throw this.#unclear(needed);
    this.#take(commit, needed);
    for (const path of needed.files) {
      if (!isWeightFile(path)) await this.#fetch(files.get(path) as HubFile);
    }
    const shards = await Promise.all(needed.files.filter(isShardIndex).map((index) => this.#shards(index)));
    for (const path of [...needed.files, ...shards.flat()].filter(isWeightFile)) {
      const file = files.get(path);
      if (file === undefined)
        throw hubError(this.place, `its index of weights names ${path}, which isn't there`);
      if (!(await this.#cache.has(commit, path))) this.#missing.push(file);
    }
  }

  /** What loading needs of a commit, where the cache has all of it. */
  async #cached(commit: string): Promise<Needed | undefined> {
    const files = await this.#cache.files(commit);
    const needed = neededFiles(files, this.#path, this.#part);
    if ("problem" in needed) return undefined;
    for (const index of needed.files.filter(isShardIndex)) {
      const shards = await readShards(this.#cache.path(commit, index), index).catch(() => undefined);
      if (!shards?.every((shard) => files.includes(shard))) return undefined;
    }
    return needed;
  }

  async #shards(index: string): Promise<string[]> {
    return readShards(this.#cache.path(this.#commit, index), index).catch((error) => {
      throw hubError(this.place, `${index} is no index of weights: ${error.message}`, error);
    });
  }

  async #fetch(file: HubFile, onBytes: (bytes: number) => void = () => {}): Promise<void> {
    const parts = { place: this.place, client: this.#client, cache: this.#cache };
    await downloadFile(file, { ...parts, commit: this.#commit, signal: this.#signal, onBytes });
  }

  #unclear({ problem, choices }: Unclear): CameoError {
    if (choices.length === 0) return hubError(this.place, problem);
    const { repo, revision } = this.place;
    const example = hubNameText({ repo, path: choices[0] as string, revision });
    const more = choices.length > 10 ? ` and ${choices.length - 10} more` : "";
    const shown = `${choices.slice(0, 10).join(", ")}${more}`;
    return hubError(this.place, `${problem}; there is ${shown}: name one, as in ${example}`);
  }
}

async function readShards(file: string, index: string): Promise<string[]> {
  if ((await stat(file)).size > maxIndexBytes) throw new Error("it is too large");
  return shardsOf(index, await readFile(file, "utf8"));
}
