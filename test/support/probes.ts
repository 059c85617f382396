import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { loadLibtorch } from "#ts/libtorch/index.js";
import { readCaseFile } from "./case_file.js";
import { drawInput, drawWeights, type InputSpec, type Tensors, type WeightTree } from "./tensors.js";

/** Where a probe computes, and in which type, but for the inputs named as exact. */
export interface Place {
  /** "cpu", "cuda" or "cuda:N". */
  device: string;
  dtype: "fp32" | "fp16" | "bf16";
  exact: readonly string[];
}

interface TestAddon {
  run(probe: string, config: string, inputs: Tensors, place?: Place): Tensors;
  externalMemory(): number;
}

export interface Case {
  probe: string;
  config: Record<string, unknown>;
  seed: number;
  weights: WeightTree;
  inputs: Record<string, InputSpec>;
  tolerance: number;
}

/** The folder of what diffusers and transformers compute. */
export const fixtures = "test/fixtures";
let addon: TestAddon | undefined;

function openTestAddon(cuda = false): TestAddon {
  const path = join(process.cwd(), "build/test-addon/cameo_test.node");
  if (!existsSync(path)) throw new Error(`${path} is missing: run \`node native/build.mjs --tests\``);
  loadLibtorch({ cuda });
  return createRequire(import.meta.url)(path) as TestAddon;
}

/** Calls a function of the native half that test/native registers under this name: on the CPU in fp32 if not told. */
export function runProbe(probe: string, config: object, inputs: Tensors, place?: Place): Tensors {
  addon ??= openTestAddon(place?.device.startsWith("cuda"));
  return addon.run(probe, JSON.stringify(config), inputs, place);
}

/** The bytes outside its heap that V8 was told of. */
export function externalMemory(): number {
  addon ??= openTestAddon();
  return addon.externalMemory();
}

/** A network's weights under the names by which probes take them. */
export function probeWeights(weights: Tensors): Tensors {
  return Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [`weights.${name}`, tensor]));
}

/** A folder's case; what it expects is beside it. */
export function readCase(folder: string): Case {
  return readCaseFile<Case>(folder);
}

/** A case's inputs and weights. */
export function drawCase({ seed, weights, inputs }: Pick<Case, "seed" | "weights" | "inputs">): Tensors {
  const drawn = Object.entries(inputs).map(([name, spec]) => [name, drawInput(name, spec, seed)]);
  return { ...Object.fromEntries(drawn), ...probeWeights(drawWeights(weights, seed)) };
}
