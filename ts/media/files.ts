import { randomBytes } from "node:crypto";
import { access, open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CameoError, throwIfAborted } from "../errors.js";

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
};

/** What a file system error means, in words. */
export function fileReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code === undefined ? undefined : reasons[code]) ?? message;
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
    // A link stays a link: what it leads to is replaced.
    const target = await realpath(path).catch(() => path);
    const suffix = randomBytes(6).toString("hex");
    const temporary = join(dirname(target), `.${basename(target).slice(0, 100)}.${suffix}.tmp`);
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
  const advice = "choose another place or make room, and save again";
  return new CameoError("ERR_MEDIA", `${path} can't be written: ${fileReason(cause)}; ${advice}`, { cause });
}
