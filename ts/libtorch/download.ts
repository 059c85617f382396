import { lstatSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { CameoError, throwIfAborted } from "../errors.js";
import { installCommand } from "./locate.js";
import { type Release, resumingPip, type Wheel } from "./pins.js";
import { canResume, downloadWheel, wrongHash } from "./pip.js";
import { sha256Of } from "./stamp.js";

export interface DownloadOptions {
  /** Where wheels are kept that are whole. */
  downloads: string;
  /** For what is not whole yet. */
  work: string;
  signal?: AbortSignal | undefined;
  /** Told the bytes of all that is there so far. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** Of a wheel whose download should not have to begin again. */
const largeBytes = 50_000_000;
/** More than pip needs beside the two copies that it makes of a wheel. */
const slackBytes = 64_000_000;

/** The files of all wheels, those that an earlier run left whole included. */
export async function downloadWheels(
  python: string,
  wanted: Release,
  { downloads, work, signal, onBytes }: DownloadOptions,
): Promise<Map<Wheel, string>> {
  const files = new Map<Wheel, string>();
  for (const wheel of wanted.wheels) {
    const file = join(downloads, `${wheel.sha256}.whl`);
    if ((await sha256Of(file).catch(() => undefined)) === wheel.sha256) files.set(wheel, file);
  }
  const missing = wanted.wheels.filter((wheel) => !files.has(wheel));
  await checkSpace(downloads, missing, wanted.unpackedBytes);
  const isLarge = missing.some(({ bytes }) => bytes > largeBytes);
  const pip = isLarge ? await findResumingPip(python, join(work, "pip"), signal) : undefined;
  for (const wheel of missing) {
    const before = bytesOf([...files.keys()]);
    const folder = await mkdtemp(join(work, "pip-"));
    const report = (bytes: number) => onBytes?.(before + bytes);
    await downloadBounded(python, wheel, { folder, pip, signal, report });
    files.set(wheel, await takeWheel(folder, wheel, downloads));
    await rm(folder, { recursive: true, force: true });
  }
  return files;
}

/**
 * The wheel of a pip that takes up broken downloads: fetched into `folder`, unless the Python's own one does. undefined for its
 * own one, also where the other can't be had.
 */
export async function findResumingPip(
  python: string,
  folder: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (await canResume(python, undefined, signal)) return undefined;
  try {
    await mkdir(folder, { recursive: true });
    await downloadBounded(python, resumingPip, { folder, signal });
    const wheel = await takeWheel(folder, resumingPip, folder);
    // A Python may be too old for it.
    return (await canResume(python, wheel, signal)) ? wheel : undefined;
  } catch {
    throwIfAborted(signal);
    return undefined;
  }
}

export function bytesOf(wheels: readonly Wheel[]): number {
  return wheels.reduce((total, { bytes }) => total + bytes, 0);
}

/** Ends a download that doesn't end by itself: whatever answers for the index may send any number of bytes. */
async function downloadBounded(
  python: string,
  wheel: Wheel,
  options: {
    folder: string;
    pip?: string | undefined;
    signal: AbortSignal | undefined;
    report?: (bytes: number) => void;
  },
): Promise<void> {
  const { folder, pip, signal, report } = options;
  const tooMuch = new AbortController();
  const look = () => {
    const bytes = sizeOf(folder);
    report?.(Math.min(bytes, wheel.bytes));
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

/** Moves the wheel that pip left in `folder` to `target`, once its bytes are those that were pinned. */
async function takeWheel(folder: string, wheel: Wheel, target: string): Promise<string> {
  const name = (await readdir(folder)).find((entry) => entry.endsWith(".whl"));
  const got = name === undefined ? "none" : await sha256Of(join(folder, name));
  if (name === undefined || got !== wheel.sha256) throw wrongHash(wheel, got);
  const file = join(target, `${wheel.sha256}.whl`);
  await rename(join(folder, name), file);
  return file;
}

async function checkSpace(folder: string, missing: readonly Wheel[], unpackedBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  // One wheel at a time is there twice: pip downloads it and copies it.
  const needed = bytesOf(missing) + Math.max(0, ...missing.map(({ bytes }) => bytes)) + unpackedBytes;
  if (bavail * bsize >= needed) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new CameoError(
    "ERR_LIBTORCH",
    `libtorch needs ${gigabytes(needed)} in ${folder}, where ${gigabytes(bavail * bsize)} are free: free some space, ` +
      `or set CAMEO_CACHE to a folder on another disk, and run \`${installCommand}\` again`,
  );
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
