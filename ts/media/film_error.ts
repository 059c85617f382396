import { CameoError } from "../errors.js";

/** Why a film can't be read, in words that say it to its owner. */
export class FilmError extends Error {}

export const damaged = (cause?: unknown): FilmError =>
  new FilmError("it is damaged, or was cut short", { cause });

/** What `work` gives; where a film leads it astray, an Error that says that it is damaged. */
export async function undamaged<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const isFromDisk = typeof (cause as NodeJS.ErrnoException).syscall === "string";
    if (isFromDisk || cause instanceof CameoError || cause instanceof FilmError) throw cause;
    throw damaged(cause);
  }
}
