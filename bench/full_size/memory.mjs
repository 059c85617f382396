// This process's resident memory and its peak, as Linux counts them (/proc/self).
import { readFileSync, writeFileSync } from "node:fs";

export function residentBytes(field = "VmHWM") {
  const [, kibibytes] = readFileSync("/proc/self/status", "utf8").match(`${field}:\\s+(\\d+)`);
  return 1024 * Number(kibibytes);
}

export function restartPeak() {
  writeFileSync("/proc/self/clear_refs", "5");
}
