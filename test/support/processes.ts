import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The ids of the processes that a process started and that still run. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((id) => Number.isInteger(id) && parentOf(id) === pid);
}

/** And of those that these started, and so on. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** An environment variable that a process was started with. */
export function variableOf(pid: number, name: string): string | undefined {
  const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  return variables.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Whether it has not ended, be it that nobody asked yet how. */
export function isRunning(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

function parentOf(pid: number): number | undefined {
  try {
    // The name before may have spaces and brackets.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop()?.split(" ") ?? [];
    return state === "Z" ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}
