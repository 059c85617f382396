import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import t from "tap";
import { loadLibtorch } from "#ts/libtorch/index.js";
import { assertClose } from "./compare.js";
import { readSafetensors } from "./safetensors.js";
import { drawInput, drawWeights, type InputSpec, type Tensors, type WeightTree } from "./tensors.js";

interface TestAddon {
  run(probe: string, config: string, inputs: Tensors): Tensors;
  externalMemory(): number;
}

interface Case {
  probe: string;
  config: Record<string, unknown>;
  seed: number;
  weights: WeightTree;
  inputs: Record<string, InputSpec>;
  tolerance: number;
}

const fixtures = "test/fixtures";
let addon: TestAddon | undefined;

function openTestAddon(): TestAddon {
  const path = join(process.cwd(), "build/test-addon/cameo_test.node");
  if (!existsSync(path)) throw new Error(`${path} is missing: run \`node native/build.mjs --tests\``);
  loadLibtorch({ cuda: false });
  return createRequire(import.meta.url)(path) as TestAddon;
}

/** Calls a function of the native half that test/native registers under this name. */
export function runProbe(probe: string, config: object, inputs: Tensors): Tensors {
  addon ??= openTestAddon();
  return addon.run(probe, JSON.stringify(config), inputs);
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

export function readCase(folder: string): Case {
  return JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as Case;
}

/** A case's inputs and weights. */
export function drawCase({ seed, weights, inputs }: Pick<Case, "seed" | "weights" | "inputs">): Tensors {
  const drawn = Object.entries(inputs).map(([name, spec]) => [name, drawInput(name, spec, seed)]);
  return { ...Object.fromEntries(drawn), ...probeWeights(drawWeights(weights, seed)) };
}

/** One test for every folder test/fixtures/<group>/<layer>-*: every output is what diffusers computes. */
export function testCases(group: string, layer: string): void {
  const root = join(fixtures, group);
  const names = readdirSync(root).filter((name) => name.startsWith(`${layer}-`));
  if (names.length === 0) throw new Error(`no fixtures ${root}/${layer}-*`);
  for (const name of names) {
    t.test(name, async (t) => {
      const testCase = readCase(join(root, name));
      const actual = runProbe(testCase.probe, testCase.config, drawCase(testCase));
      const expected = readSafetensors(join(root, name, "expected.safetensors"));
      t.same(Object.keys(actual).sort(), Object.keys(expected).sort(), "the outputs");
      for (const [output, tensor] of Object.entries(expected)) {
        assertClose(t, actual[output], tensor, testCase.tolerance, output);
      }
    });
  }
}
