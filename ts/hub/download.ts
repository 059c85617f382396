import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { CameoError, throwIfAborted } from "../errors.js";
import { withLock } from "../lock.js";
import { type FilePart, type HubClient, type HubFile, pause } from "./client.js";
import { cannotWrite, hubError, type Place, unreachable } from "./errors.js";
import type { RepoCache } from "./repo_cache.js";

export interface DownloadOptions {
  place: Place;
  client: HubClient;
  cache: RepoCache;
  commit: string;
  signal?: AbortSignal | undefined;
  /** Told how many bytes of the file are there. */
  onBytes: (bytes: number) => void;
}

/** How often in a row a connection may break without having brought anything. */
const maxBreaks = 5;
const delayMs = 250;

/** Of what is not whole yet; removed by whoever tidies up Python's unfinished downloads, too. */
const partialName = (blob: string) => `${blob}.cameo.incomplete`;

/**
 * Puts a file into its commit's snapshot, unless it is there; its blob is fetched, unless that is there. A download goes on where
 * an earlier one broke off, and has its name only once its hash is right. Of several processes one fetches and the others wait.
 */
export async function downloadFile(file: HubFile, options: DownloadOptions): Promise<void> {
  const { place, cache, commit, signal, onBytes } = options;
  if (await cache.has(commit, file.path)) return;
  const blob = cache.blob(file.id);
  const work = async () => {
    if (await cache.has(commit, file.path)) return;
    const isNew = !(await cache.hasBlob(file.id));
    if (isNew) await fetchWhole(file, blob, options);
    await cache.put(commit, file.path, file.id, isNew);
    onBytes(file.size);
  };
  try {
    await withLock(cache.lock(file.id), work, { signal });
  } catch (error) {
    throwIfAborted(signal);
    throw error instanceof CameoError ? error : cannotWrite(place, error);
  }
}

/** How much of a file an earlier download left. */
export async function bytesThere(file: HubFile, cache: RepoCache): Promise<number> {
  const { size = 0 } = (await stat(partialName(cache.blob(file.id))).catch(() => undefined)) ?? {};
  return size <= file.size ? size : 0;
}

async function fetchWhole(file: HubFile, blob: string, options: DownloadOptions): Promise<void> {
  const partial = partialName(blob);
  const began = await bytesThere(file, options.cache);
  if (await fetchPartial(file, partial, options)) return rename(partial, blob);
  await rm(partial, { force: true });
  // What an earlier download left may have been damaged since.
  if (began > 0 && (await fetchPartial(file, partial, options))) return rename(partial, blob);
  await rm(partial, { force: true });
  throw hubError(
    options.place,
    `${file.path} came damaged: its hash is not the one that is listed; try again, and where it stays so, check whether a proxy gives another file`,
  );
}

/** Completes the unfinished file; false where its hash is not what it should be. */
async function fetchPartial(file: HubFile, path: string, options: DownloadOptions): Promise<boolean> {
  await using partial = new Partial(file, path);
  await partial.readWhatIsThere();
  await receiveAll(partial, options);
  return await partial.finish();
}

async function receiveAll(partial: Partial, options: DownloadOptions): Promise<void> {
  const { place, client, commit, signal } = options;
  for (let breaks = 0; partial.size < partial.file.size; ) {
    const before = partial.size;
    const part = await client.open(commit, partial.file.path, before);
    try {
      await receive(part, partial, options);
      // A connection that ended early, as if that were the whole.
      if (partial.size < partial.file.size) throw new Error("the connection was closed");
    } catch (error) {
      throwIfAborted(signal);
      if (error instanceof CameoError) throw error;
      breaks = partial.size > before ? 1 : breaks + 1;
      if (breaks > maxBreaks) throw unreachable(place, error);
      await pause(delayMs * 2 ** breaks, signal);
    }
  }
}

async function receive(part: FilePart, partial: Partial, { place, onBytes }: DownloadOptions): Promise<void> {
  const write = (work: Promise<void>) =>
    work.catch((error) => {
      throw cannotWrite(place, error);
    });
  if (part.from < partial.size) await write(partial.beginAgain());
  for await (const chunk of part.bytes) {
    if (partial.size + chunk.length > partial.file.size) {
      throw hubError(
        place,
        `more came of ${partial.file.path} than its ${partial.file.size} bytes; try again`,
      );
    }
    await write(partial.append(chunk));
    onBytes(partial.size);
  }
}

/** An unfinished file and the hash of what it has. It is made when something comes: a refusal leaves nothing. */
class Partial implements AsyncDisposable {
  readonly file: HubFile;
  readonly #path: string;
  #handle: FileHandle | undefined;
  #hash: Hash;
  #size = 0;

  constructor(file: HubFile, path: string) {
    this.file = file;
    this.#path = path;
    this.#hash = newHash(file);
  }

  get size(): number {
    return this.#size;
  }

  async readWhatIsThere(): Promise<void> {
    const { size = 0 } = (await stat(this.#path).catch(() => undefined)) ?? {};
    if (size > this.file.size) return this.beginAgain();
    if (size === 0) return;
    for await (const chunk of createReadStream(this.#path)) this.#count(chunk);
  }

  async append(chunk: Uint8Array): Promise<void> {
    const handle = await this.#open();
    await handle.appendFile(chunk);
    this.#count(chunk);
  }

  async beginAgain(): Promise<void> {
    const handle = await this.#open();
    await handle.truncate(0);
    this.#hash = newHash(this.file);
    this.#size = 0;
  }

  /** Whether what is there is what it should be. */
  async finish(): Promise<boolean> {
    const handle = await this.#open();
    await handle.sync();
    return this.#hash.digest("hex") === this.file.id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle?.close();
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    this.#handle ??= await open(this.#path, "a");
    return this.#handle;
  }

  #count(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }
}

/** Large files go by SHA-256, others by what git calls them. */
function newHash({ id, size }: HubFile): Hash {
  return id.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}
