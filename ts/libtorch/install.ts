import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import { withLock } from "../lock.js";
import { isOthers } from "../others.js";
import { cacheFolder, givenFolder, installedFolders } from "./cache.js";
import { bytesOf, downloadWheels } from "./download.js";
import { installCommand } from "./locate.js";
import type { Release } from "./pins.js";
import { diskFull, findPython, unpackWheel } from "./pip.js";
import { machine, release } from "./platform.js";
import { isWhole, readStamp, writeStamp } from "./stamp.js";

export interface InstallProgress {
  phase: "wait" | "download" | "unpack";
  /** Of all that is downloaded, or of the wheels that are unpacked; 0 of 0 while waiting for another process. */
  bytes: number;
  totalBytes: number;
}

export interface InstallOptions {
  /** With what a GPU needs: 2.5 GB to download instead of 544 MB. */
  cuda?: boolean | undefined;
  /** Also where it is installed already. */
  force?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: InstallProgress) => void) | undefined;
}

/**
 * Fetches libtorch into the cache and resolves with its folder. Several processes may do so at once: one works and
 * the others wait for it. It appears under its final name only when it is whole; what an interrupted run had
 * downloaded whole is used by the next one. Rejects with ERR_LIBTORCH or ERR_ABORTED.
 */
export async function installLibtorch(options: InstallOptions = {}): Promise<string> {
  return installRelease(release(options.cuda ?? false), options);
}

/** `installLibtorch` of given wheels. */
export async function installRelease(wanted: Release, options: InstallOptions = {}): Promise<string> {
  const { force = false, signal, onProgress } = options;
  const cache = cacheFolder();
  const folder = join(cache, wanted.name);
  const installed = () => installedFolders(wanted.name).find((each) => isInstalled(each, wanted));
  const before = force ? undefined : installed();
  if (before !== undefined) return before;
  const onWait = () => onProgress?.({ phase: "wait", bytes: 0, totalBytes: 0 });
  try {
    throwIfAborted(signal);
    checkIsOwn(cache);
    await mkdir(cache, { recursive: true });
    // Somebody may have been faster.
    checkIsOwn(cache);
    await withLock(
      join(cache, "libtorch.lock"),
      async () => {
        if (force || installed() === undefined) await install(wanted, cache, folder, options);
      },
      { signal, onWait },
    );
  } catch (error) {
    throw explain(error, cache, signal);
  }
  return folder;
}

/** Deletes what `installLibtorch` put into the cache, of any version; resolves with the folders that were there. */
export async function removeLibtorch(): Promise<string[]> {
  const cache = cacheFolder();
  checkIsOwn(cache);
  const own = await libtorchesIn(cache);
  // Of what lies in CAMEO_CACHE itself only what has cameo's stamp is cameo's.
  const given = await libtorchesIn(givenFolder());
  const earlier = given.filter((folder) => !isOthers(folder) && readStamp(folder));
  const downloads = existsSync(join(cache, downloadsName)) ? [join(cache, downloadsName)] : [];
  const removed = [...own, ...earlier, ...downloads];
  if (removed.length === 0) return removed;
  await withLock(join(cache, "libtorch.lock"), async () => {
    for (const path of removed) await rm(path, { recursive: true, force: true });
  });
  return removed;
}

async function libtorchesIn(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return [];
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.startsWith("libtorch-") && name.endsWith(`-${machine}`))
    .map((name) => join(folder, name));
}

function isInstalled(folder: string, { version, cuda }: Release): boolean {
  return isWhole(folder, version) && (!cuda || readStamp(folder)?.cuda === true);
}

async function install(
  wanted: Release,
  cache: string,
  folder: string,
  options: InstallOptions,
): Promise<void> {
  const { signal, onProgress } = options;
  const python = await findPython();
  const downloads = join(cache, downloadsName);
  await mkdir(downloads, { recursive: true });
  await removeLeftovers(cache);
  const work = await mkdtemp(join(cache, workPrefix));
  try {
    const totalBytes = bytesOf(wanted.wheels);
    const onBytes = (bytes: number) => onProgress?.({ phase: "download", bytes, totalBytes });
    const files = await downloadWheels(python, wanted, { downloads, work, signal, onBytes });
    const unpacked = join(work, "libtorch");
    let bytes = 0;
    for (const wheel of wanted.wheels) {
      onProgress?.({ phase: "unpack", bytes, totalBytes });
      const file = files.get(wheel) as string;
      // Of what is kept an estimate is known, for all wheels together.
      await unpackWheel(python, wheel, file, { folder: unpacked, limit: 2 * wanted.unpackedBytes, signal });
      bytes += wheel.bytes;
    }
    await writeStamp(unpacked, wanted.version, wanted.cuda);
    throwIfAborted(signal);
    await replace(folder, unpacked, join(work, "replaced"));
    onProgress?.({ phase: "unpack", bytes, totalBytes });
    await rm(downloads, { recursive: true, force: true });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const workPrefix = "work-";
const downloadsName = "downloads";

/** Work folders whose process died; whoever has the lock is the only one at work. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith(workPrefix)) await rm(join(cache, name), { recursive: true, force: true });
  }
}

/** A process that has the replaced libraries mapped keeps them: Linux frees them after it ends. */
async function replace(folder: string, whole: string, aside: string): Promise<void> {
  await rename(folder, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(whole, folder);
}

function checkIsOwn(cache: string): void {
  if (!isOthers(cache)) return;
  const message = `another user of this machine decides what is in ${cache}: set CAMEO_CACHE to a folder of your own`;
  throw new CameoError("ERR_LIBTORCH", message);
}

function explain(error: unknown, cache: string, signal: AbortSignal | undefined): unknown {
  if (error instanceof CameoError) return error;
  if (signal?.aborted) return abortError(signal);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull("while libtorch was installed");
  return new CameoError(
    "ERR_LIBTORCH",
    `libtorch could not be installed in ${cache} (${message}): make it writable, or set CAMEO_CACHE to a folder ` +
      `that is, and run \`${installCommand}\` again`,
    { cause: error },
  );
}
