import { randomUUID } from "node:crypto";
import { utimesSync } from "node:fs";
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ownIdentity, type ProcessIdentity, sight } from "./process_identity.js";

const heartbeatMs = 5_000;
const pollMs = 250;

/** Who holds a lock. */
export interface LockOwner extends ProcessIdentity {
  /** Tells an owner's locks apart. */
  id: string;
}

export interface LockOptions {
  signal?: AbortSignal | undefined;
  /** Called once, where another process has the lock. */
  onWait?: (() => void) | undefined;
}

/**
 * Runs `work` while no other process runs work under the same lock file. A lock whose owner died is taken over;
 * `abandoned` then says that something may have been left half done.
 */
export async function withLock<T>(
  file: string,
  work: (lock: { abandoned: boolean }) => Promise<T>,
  { signal, onWait }: LockOptions = {},
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const id = randomUUID();
  let abandoned = false;
  let waiting = false;
  while (!(await acquire(file, id))) {
    if ((await isStale(file)) && (await removeStale(file, id))) {
      abandoned = true;
      continue;
    }
    if (!waiting) onWait?.();
    waiting = true;
    await sleep(pollMs, undefined, { signal });
  }
  await using _held = holding(file, id);
  return await work({ abandoned });
}

/**
 * Takes the lock, which is held until it is disposed of; undefined where another process has it. An owner of this host's
 * name that can't be seen from here (it may have been in this container before that was restarted) gets 15 s to give a
 * sign of life.
 */
export async function tryLock(file: string): Promise<AsyncDisposable | undefined> {
  const id = randomUUID();
  if (await acquire(file, id)) return holding(file, id);
  const isGone = (await turnsOutStale(file)) && (await removeStale(file, id));
  return isGone && (await acquire(file, id)) ? holding(file, id) : undefined;
}

/** A lock that was taken: says again and again that its owner lives, and is released in the end. */
function holding(file: string, id: string): AsyncDisposable {
  const heartbeat = setInterval(() => touch(file), heartbeatMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat);
      if ((await lockOwner(file))?.id === id) await rm(file, { force: true });
    },
  };
}

async function acquire(file: string, id: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    await handle.writeFile(JSON.stringify({ ...ownIdentity(), id } satisfies LockOwner));
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Whether the stale lock is gone now. Of several that wait one at a time looks again and removes it: else the second would
 * remove the lock that the first one has taken meanwhile.
 */
async function removeStale(file: string, id: string): Promise<boolean> {
  const guard = `${file}.takeover`;
  if (!(await acquire(guard, id))) {
    // It is held for a moment only: one that is stale is of a process that died in it.
    if (await isStale(guard)) await rm(guard, { force: true });
    return false;
  }
  try {
    if (!(await isStale(file))) return false;
    await rm(file, { force: true });
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

async function isStale(file: string): Promise<boolean> {
  const lastSign = await lastSignOf(file);
  // Released: the next round will tell.
  if (lastSign === undefined) return false;
  return Date.now() - lastSign > patienceWith(await lockOwner(file));
}

/** How many milliseconds an owner may go without a sign of life. */
function patienceWith(owner: LockOwner | undefined): number {
  switch (owner && sight(owner)) {
    case "gone":
      return Number.NEGATIVE_INFINITY;
    // It may have been stopped for a while.
    case "running":
      return Number.POSITIVE_INFINITY;
    case "taken":
      return 3_600_000;
    default:
      return owner?.host === hostname() ? 3 * heartbeatMs : 60_000;
  }
}

async function turnsOutStale(file: string): Promise<boolean> {
  const owner = await lockOwner(file);
  const mayBeGone = owner?.host === hostname() && sight(owner) === "unseen";
  const first = await lastSignOf(file);
  while (!(await isStale(file))) {
    if (!mayBeGone || (await lastSignOf(file)) !== first) return false;
    await sleep(pollMs);
  }
  return true;
}

/** In milliseconds as of `Date.now`; undefined where there is no lock. */
async function lastSignOf(file: string): Promise<number | undefined> {
  return (await stat(file).catch(() => undefined))?.mtimeMs;
}

/** undefined where the lock was released, or is not written yet. */
export async function lockOwner(file: string): Promise<LockOwner | undefined> {
  try {
    const owner = JSON.parse(await readFile(file, "utf8")) as LockOwner;
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 ? owner : undefined;
  } catch {
    return undefined;
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Someone removed the lock; the work goes on.
  }
}
