import { randomUUID } from "node:crypto";
import { utimesSync } from "node:fs";
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "./is_alive.js";

const heartbeatMs = 5_000;
const staleMs = 60_000;
/** An owner that lives may be stopped, or its process number have been given to another. */
const staleOfLivingMs = 3_600_000;
const pollMs = 250;

interface Owner {
  pid: number;
  host: string;
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

/** Takes the lock, which is held until it is disposed of; undefined where another process has it. */
export async function tryLock(file: string): Promise<AsyncDisposable | undefined> {
  const id = randomUUID();
  if (await acquire(file, id)) return holding(file, id);
  const isGone = (await isStale(file)) && (await removeStale(file, id));
  return isGone && (await acquire(file, id)) ? holding(file, id) : undefined;
}

/** A lock that was taken: says again and again that its owner lives, and is released in the end. */
function holding(file: string, id: string): AsyncDisposable {
  const heartbeat = setInterval(() => touch(file), heartbeatMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat);
      if ((await ownerOf(file))?.id === id) await rm(file, { force: true });
    },
  };
}

async function acquire(file: string, id: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname(), id } satisfies Owner));
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
  try {
    const age = Date.now() - (await stat(file)).mtimeMs;
    const owner = await ownerOf(file);
    if (owner?.host !== hostname()) return age > staleMs;
    return !isAlive(owner.pid) || age > staleOfLivingMs;
  } catch {
    // Released: the next round will tell.
    return false;
  }
}

/** undefined where the lock was released, or is not written yet. */
async function ownerOf(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Owner;
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
