import type { Test } from "tap";
import { runProbe } from "./probes.js";

/** Checks that a probe supports GPUs from compute capability 8.0 on, and none before. */
export function checkCapabilities(t: Test, probe: string): void {
  for (const [capability, supported] of [
    [6, 0],
    [7, 0],
    [8, 1],
    [9, 1],
    [12, 1],
  ]) {
    const result = runProbe(probe, { capability }, {});
    t.equal(result.supported?.data[0], supported, `${capability}.0`);
  }
}
