import { readdirSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import { withLock } from "../lock.js";
import { installCommand } from "./locate.js";
import type { Release, Wheel } from "./pins.js";
import { diskFull, downloadWheel, findPython, findResumingPip, unpackWheel } from "./pip.js";
import { cacheFolder, machine, release } from "./platform.js";
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
  if (!force && isInstalled(folder, wanted)) return folder;
  const onWait = () => onProgress?.({ phase: "wait", bytes: 0, totalBytes: 0 });
  try {
    throwIfAborted(signal);
    await withLock(
      join(cache, "libtorch.lock"),
      async () => {
        if (force || !isInstalled(folder, wanted)) await install(wanted, cache, folder, options);
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
  const names = await readdir(cache).catch(() => []);
  const removed = names
    .filter((name) => (name.startsWith("libtorch-") && name.endsWith(`-${machine}`)) || name === "downloads")
    .map((name) => join(cache, name));
  if (removed.length === 0) return removed;
  await withLock(join(cache, "libtorch.lock"), async () => {
    for (const path of removed) await rm(path, { recursive: true, force: true });
  });
  return removed;
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
  const downloads = join(cache, "downloads");
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
      await unpackWheel(python, wheel, files.get(wheel) as string, unpacked, signal);
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
    // pip writes the file and then copies it, hence no more than the wheel's size.
    const report = () =>
      onProgress?.({ phase: "download", bytes: before + Math.min(sizeOf(folder), wheel.bytes), totalBytes });
    const timer = setInterval(report, 200);
    try {
      await downloadWheel(python, wheel, { folder, pip, signal });
    } finally {
      clearInterval(timer);
    }
    report();
    files.set(wheel, await takeWheel(folder, join(downloads, `${wheel.sha256}.whl`)));
    await rm(folder, { recursive: true, force: true });
  }
  return files;
}

async function takeWheel(folder: string, file: string): Promise<string> {
  const name = (await readdir(folder)).find((entry) => entry.endsWith(".whl")) as string;
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
      bytes += entry.isDirectory() ? sizeOf(path) : statSync(path).size;
    }
  } catch {
    // pip removed a temporary file meanwhile.
  }
  return bytes;
}
