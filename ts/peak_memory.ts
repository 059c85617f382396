import { readFileSync, writeFileSync } from "node:fs";

/** From here on `peakBytes` counts anew, where the system can. */
export function restartPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Only Linux has it, and some containers forbid it.
  }
}

/** The most memory that this process held at once. */
export function peakBytes(): number {
  try {
    const [, kibibytes] = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/) ?? [];
    if (kibibytes !== undefined) return 1024 * Number(kibibytes);
  } catch {
    // Not Linux.
  }
  return 1024 * process.resourceUsage().maxRSS;
}
