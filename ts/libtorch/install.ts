import { existsSync, lstatSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import { withLock } from "../lock.js";
import { cacheFolder, givenFolder, installedFolders, isOthers } from "./cache.js";
import { installCommand } from "./locate.js";
import type { Release, Wheel } from "./pins.js";
import { diskFull, downloadWheel, findPython, findResumingPip, unpackWheel, wrongHash } from "./pip.js";
import { machine, release } from "./platform.js";
import { isWhole, readStamp, sha256Of, writeStamp } from "./stamp.js";

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
    await mkdir(cache, { recursive: true });
    if (isOthers(cache)) throw othersFolder(cache);
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
  if (isOthers(cache)) throw othersFolder(cache);
  const own = await libtorchesIn(cache);
  // Of what lies in CAMEO_CACHE itself only what has cameo's stamp is cameo's.
  const given = await libtorchesIn(givenFolder());
  const earlier = given.filter((folder) => readStamp(folder) && !isOthers(folder));
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
    const files = await download(python, wanted, downloads, work, options);
    const unpacked = join(work, "libtorch");
    const totalBytes = sum(wanted.wheels);
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
/** Of a wheel whose download should not have to begin again. */
const largeBytes = 50_000_000;

/** Work folders whose process died; whoever has the lock is the only one at work. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith(workPrefix)) await rm(join(cache, name), { recursive: true, force: true });
  }
}

/** The files of all wheels, those that an earlier run left whole included. */
async function download(
  python: string,
  wanted: Release,
  downloads: string,
  work: string,
  { signal, onProgress }: InstallOptions,
): Promise<Map<Wheel, string>> {
  const files = new Map<Wheel, string>();
  for (const wheel of wanted.wheels) {
    const file = join(downloads, `${wheel.sha256}.whl`);
    if ((await sha256Of(file).catch(() => undefined)) === wheel.sha256) files.set(wheel, file);
  }
  const missing = wanted.wheels.filter((wheel) => !files.has(wheel));
  await checkSpace(downloads, missing, wanted.unpackedBytes);
  const totalBytes = sum(wanted.wheels);
  const isLarge = missing.some(({ bytes }) => bytes > largeBytes);
  const pip = isLarge ? await findResumingPip(python, join(work, "pip"), signal) : undefined;
  for (const wheel of missing) {
    const before = sum([...files.keys()]);
    const folder = await mkdtemp(join(work, "pip-"));
    const report = (bytes: number) => onProgress?.({ phase: "download", bytes: before + bytes, totalBytes });
    await downloadBounded(python, wheel, { folder, pip, signal, report });
    files.set(wheel, await takeWheel(folder, wheel, downloads));
    await rm(folder, { recursive: true, force: true });
  }
  return files;
}

/** More than pip needs beside the two copies that it makes of a wheel. */
const slackBytes = 64_000_000;

/** Ends a download that doesn't end by itself: whatever answers for the index may send any number of bytes. */
async function downloadBounded(
  python: string,
  wheel: Wheel,
  options: {
    folder: string;
    pip: string | undefined;
    signal: AbortSignal | undefined;
    report: (bytes: number) => void;
  },
): Promise<void> {
  const { folder, pip, signal, report } = options;
  const tooMuch = new AbortController();
  const look = () => {
    const bytes = sizeOf(folder);
    report(Math.min(bytes, wheel.bytes));
    if (bytes > 2 * wheel.bytes + slackBytes) tooMuch.abort();
  };
  const timer = setInterval(look, 200);
  const signals = signal ? [signal, tooMuch.signal] : [tooMuch.signal];
  try {
    await downloadWheel(python, wheel, { folder, pip, signal: AbortSignal.any(signals) });
    look();
  } catch (error) {
    if (!tooMuch.signal.aborted) throw error;
    const { project, version, bytes } = wheel;
    const message = `${project} ${version} was refused: it is larger than its ${bytes} bytes; a mirror or proxy gave another file`;
    throw new CameoError("ERR_LIBTORCH", message, { cause: error });
  } finally {
    clearInterval(timer);
  }
}

/** Moves the wheel that pip left in `folder` to the downloads, once its bytes are those that were pinned. */
async function takeWheel(folder: string, wheel: Wheel, downloads: string): Promise<string> {
  const name = (await readdir(folder)).find((entry) => entry.endsWith(".whl"));
  const got = name === undefined ? "none" : await sha256Of(join(folder, name));
  if (name === undefined || got !== wheel.sha256) throw wrongHash(wheel, got);
  const file = join(downloads, `${wheel.sha256}.whl`);
  await rename(join(folder, name), file);
  return file;
}

async function checkSpace(folder: string, missing: readonly Wheel[], unpackedBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  // One wheel at a time is there twice: pip downloads it and copies it.
  const needed = sum(missing) + Math.max(0, ...missing.map(({ bytes }) => bytes)) + unpackedBytes;
  if (bavail * bsize >= needed) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new CameoError(
    "ERR_LIBTORCH",
    `libtorch needs ${gigabytes(needed)} in ${folder}, where ${gigabytes(bavail * bsize)} are free: free some space, ` +
      `or set CAMEO_CACHE to a folder on another disk, and run \`${installCommand}\` again`,
  );
}

/** A process that has the replaced libraries mapped keeps them: Linux frees them after it ends. */
async function replace(folder: string, whole: string, aside: string): Promise<void> {
  await rename(folder, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(whole, folder);
}

function othersFolder(cache: string): CameoError {
  const message = `${cache} belongs to another user of this machine: set CAMEO_CACHE to a folder of your own`;
  return new CameoError("ERR_LIBTORCH", message);
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

function sum(wheels: readonly Wheel[]): number {
  return wheels.reduce((total, { bytes }) => total + bytes, 0);
}

function sizeOf(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      bytes += entry.isDirectory() ? sizeOf(path) : lstatSync(path).size;
    }
  } catch {
    // pip removed a temporary file meanwhile.
  }
  return bytes;
}
