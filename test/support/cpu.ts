import { runProbe } from "./probes.js";

/** What the CPU and libtorch have for the kernels: test/native/cpu/features.cc says what the names mean. */
export type CpuFeatures = Record<
  "amx" | "avx512" | "avx2" | "matrixKernel" | "matrixUnit" | "chosen",
  boolean
>;

export function cpuFeatures(): CpuFeatures {
  const features = Object.entries(runProbe("cpu.features", {}, {}));
  return Object.fromEntries(features.map(([name, { data }]) => [name, data[0] === 1])) as CpuFeatures;
}

/** Whether this CPU has a matrix unit for bf16 (AMX) that the kernels use. */
export const hasMatrixUnit = cpuFeatures().matrixUnit;
