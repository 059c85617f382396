import { randomBytes } from "node:crypto";
import { accessSync, constants, readlinkSync, type Stats, statSync } from "node:fs";
import { access, type FileHandle, lstat, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CameoError, throwIfAborted } from "../errors.js";
import { isOthersLink } from "../others.js";
import { quoted, shortened } from "../quote.js";

/** What file systems take as a name. */
export const maxNameBytes = 255;

const reasons: Record<string, string> = {
  ENOENT: "no such file",
  ENOTDIR: "a part of the path is not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than is allowed here",
  ERR_INVALID_ARG_VALUE: "the path has a NUL character in it",
};

/** What a file system error means, in words. */
export function fileReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code === undefined ? undefined : reasons[code]) ?? message;
}

/** Said of a path that is a link to what isn't there; undefined for every other path. */
export function danglingLink(path: string): string | undefined {
  try {
    if (statSync(path, { throwIfNoEntry: false })) return undefined;
    return `is a symbolic link to ${quoted(readlinkSync(path))}, which is not there; fetch that again`;
  } catch {
    return undefined;
  }
}

/**
 * Opens a file for reading. What is none is refused at once, with an Error that says what it is: opening a pipe would
 * wait for who writes to it, and reading from a device may never end.
 */
export async function openFile(path: string): Promise<FileHandle> {
  // Before it is opened, as that does something to some devices.
  checkIsFile(await stat(path));
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    checkIsFile(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The bytes of a regular file; what is none is refused as `openFile` does. */
export async function readRegularFile(path: string): Promise<Buffer> {
  const file = await openFile(path);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function checkIsFile(stats: Stats): void {
  if (stats.isFile()) return;
  throw new Error(stats.isDirectory() ? "it is a folder" : "it is a pipe or a device, not a regular file");
}

/** Said of a path where a link decides what is overwritten, which another user put where everybody may, such as /tmp. */
const othersLink = "a link that another user of this machine made leads elsewhere";

/** What keeps a file from being written at a path, and what to do; undefined where nothing is known to. */
export function placeProblem(path: string): string | undefined {
  if (path.includes("\0")) return "it has a NUL character in it; leave it out";
  const bytes = Buffer.byteLength(basename(path));
  if (bytes > maxNameBytes) return `its name has ${bytes} bytes and may have ${maxNameBytes}; shorten it`;
  const folder = dirname(path);
  try {
    const stats = statSync(folder, { throwIfNoEntry: false });
    if (stats === undefined) return `the folder ${shortened(folder)} does not exist; create it first`;
    if (!stats.isDirectory()) return `${shortened(folder)} is not a folder; choose another`;
    accessSync(folder, constants.W_OK);
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing?.isDirectory()) return "it is a folder; add a file's name";
    if (existing && !existing.isFile()) return "it exists and is not a regular file; choose another name";
    if (isOthersLink(path)) return `${othersLink}; choose another place`;
    return undefined;
  } catch (error) {
    return `the folder ${shortened(folder)} can't be written to (${fileReason(error)}); choose another`;
  }
}

/** Whether there is a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Files that appear under their names all together, once everything is written: until `commit`, they are
 * temporary files beside their targets, which `discard` removes.
 */
export class PendingFiles {
  readonly #pending: { temporary: string; target: string }[] = [];
  readonly #signal: AbortSignal | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    throwIfAborted(this.#signal);
    if (isOthersLink(path)) throw writeError(path, new Error(othersLink));
    // A link stays a link: what it leads to is replaced. One that is made after this is replaced itself.
    const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink();
    const target = isLink ? await realpath(path).catch(() => path) : path;
    // Short, whatever the target is called: file systems take names of 255 bytes.
    const temporary = join(dirname(target), `.cameo.${randomBytes(6).toString("hex")}.tmp`);
    this.#pending.push({ temporary, target });
    try {
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw writeError(path, error);
    }
  }

  async commit(): Promise<void> {
    throwIfAborted(this.#signal);
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      try {
        await rename(next.temporary, next.target);
      } catch (error) {
        throw writeError(next.target, error);
      }
      this.#pending.shift();
    }
  }

  /** Removes what is not committed. */
  async discard(): Promise<void> {
    await Promise.all(this.#pending.map(({ temporary }) => rm(temporary, { force: true })));
  }
}

/** Writes a file that has its old content, or none, until it has all of the new; ERR_MEDIA where it can't be. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const files = new PendingFiles(undefined);
  try {
    await files.write(path, bytes);
    await files.commit();
  } finally {
    await files.discard();
  }
}

function writeError(path: string, cause: unknown): CameoError {
  const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
  const reason = missing ? `the folder ${shortened(dirname(path))} does not exist` : fileReason(cause);
  const advice = "choose another place or make room, and save again";
  return new CameoError("ERR_MEDIA", `${shortened(path)} can't be written: ${reason}; ${advice}`, {
    cause,
  });
}
