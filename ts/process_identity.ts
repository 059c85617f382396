import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { isAlive } from "./is_alive.js";

/** Tells a process from every other one, also from one that gets its number later. */
export interface ProcessIdentity {
  pid: number;
  host: string;
  /** Changes when the machine starts anew. This and what follows is known on Linux alone. */
  boot?: string | undefined;
  /** In which the number counts: each container has its own. */
  namespace?: string | undefined;
  /** When the process started, in ticks since the machine did. */
  started?: string | undefined;
}

/**
 * "taken": there is a process of that number, which may be another one. "unseen": it is, or was, on another machine, in
 * another container, or before this machine's last start.
 */
export type Sighting = "running" | "gone" | "taken" | "unseen";

/** Of this process. */
export function ownIdentity(): ProcessIdentity {
  const identity = { pid: process.pid, host: hostname() };
  const self = readStat("self");
  // A /proc that counts processes otherwise than this process does says nothing about them.
  if (self?.pid !== process.pid) return identity;
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { ...identity, boot, namespace: readlinkSync("/proc/self/ns/pid"), started: self.started };
  } catch {
    return identity;
  }
}

/** What can be seen from here of a process. */
export function sight(other: ProcessIdentity): Sighting {
  const own = ownIdentity();
  const isHere =
    own.boot === undefined || other.boot === undefined
      ? other.host === own.host
      : other.boot === own.boot && other.namespace === own.namespace;
  if (!isHere) return "unseen";
  if (!isAlive(other.pid)) return "gone";
  const found = own.started === undefined ? undefined : readStat(other.pid);
  if (found === undefined || other.started === undefined) return "taken";
  return found.started === other.started && !found.hasEnded ? "running" : "gone";
}

function readStat(process: number | "self") {
  try {
    const text = readFileSync(`/proc/${process}/stat`, "utf8");
    // The name before may have spaces and brackets.
    const [state = "", ...fields] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // Z, X: it has ended, and its parent hasn't asked yet how.
    return { pid: Number.parseInt(text, 10), hasEnded: "ZX".includes(state), started: fields[18] };
  } catch {
    return undefined;
  }
}
