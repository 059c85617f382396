import { readFileSync } from "node:fs";

/** Whether this CPU has a matrix unit for bf16 (AMX) that the kernels use. */
export const hasMatrixUnit =
  process.platform === "linux" && /\bamx_bf16\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
