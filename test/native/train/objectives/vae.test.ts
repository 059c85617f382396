import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { assertClose } from "../../../support/compare.js";
import { drawCase, readCase, runProbe } from "../../../support/probes.js";
import { readSafetensors } from "../../../support/safetensors.js";
import type { Tensor, Tensors } from "../../../support/tensors.js";

const root = "test/fixtures/trainer";
const gradient = "grad/";

function norm({ data }: Tensor): number {
  return Math.hypot(...data);
}

function distance(a: Tensor | undefined, b: Tensor): number {
  return Math.hypot(...Array.from(b.data, (x, i) => x - (a?.data[i] ?? Number.NaN)));
}

/** The gradients that are further off than 1e-3 of their norm, beside rounding errors of the whole gradient's. */
function wrongGradients(actual: Tensors, expected: Tensors): string[] {
  const names = Object.keys(expected).filter((name) => name.startsWith(gradient));
  const whole = Math.hypot(...names.map((name) => norm(expected[name] as Tensor)));
  return names.filter((name) => {
    const wanted = expected[name] as Tensor;
    return !(distance(actual[name], wanted) <= 1e-3 * norm(wanted) + 1e-7 * whole);
  });
}

for (const name of readdirSync(root).filter((name) => name.startsWith("vae_objective-"))) {
  const testCase = readCase(join(root, name));
  const inputs = drawCase(testCase);
  const expected = readSafetensors(join(root, name, "expected.safetensors"));

  t.test(name, async (t) => {
    const actual = runProbe(testCase.probe, testCase.config, inputs);
    t.same(Object.keys(actual).sort(), Object.keys(expected).sort(), "the outputs");
    for (const [output, tensor] of Object.entries(expected)) {
      if (!output.startsWith(gradient)) assertClose(t, actual[output], tensor, 1e-4, output);
    }
    t.same(wrongGradients(actual, expected), [], "every gradient");
  });

  t.test(`${name} in bf16, with losses in fp32`, async (t) => {
    const actual = runProbe(testCase.probe, { ...testCase.config, dtype: "bf16" }, inputs);
    for (const output of ["total", "lossReconstruction", "lossDetail", "lossKl"]) {
      assertClose(t, actual[output], expected[output], 0.02, output);
      t.not(actual[output]?.data[0], expected[output]?.data[0], "and not by computing in fp32");
    }
  });
}
