import { utimesSync } from "node:fs";
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const heartbeatMs = 5_000;
const staleMs = 60_000;
const pollMs = 250;

interface Owner {
  pid: number;
  host: string;
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
  let abandoned = false;
  let waiting = false;
  while (!(await acquire(file))) {
    if (await isStale(file)) {
      abandoned = true;
      await rm(file, { force: true });
      continue;
    }
    if (!waiting) onWait?.();
    waiting = true;
    await sleep(pollMs, undefined, { signal });
  }
  const heartbeat = setInterval(() => touch(file), heartbeatMs).unref();
  try {
    return await work({ abandoned });
  } finally {
    clearInterval(heartbeat);
    await rm(file, { force: true });
  }
}

async function acquire(file: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname() } satisfies Owner));
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(file)).mtimeMs > staleMs) return true;
    const owner = JSON.parse(await readFile(file, "utf8")) as Owner;
    return owner.host === hostname() && !isAlive(owner.pid);
  } catch {
    // Released, or not written yet: the next round will tell.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Someone removed the lock; the work goes on.
  }
}
