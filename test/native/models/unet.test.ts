import t from "tap";
import { compare } from "../../support/compare.js";
import { drawCase, readCase, runProbe, testCases } from "../../support/probes.js";
import type { Tensor, Tensors } from "../../support/tensors.js";

testCases("models", "unet");

function scaled({ shape, data }: Tensor, factor: number): Tensor {
  return { shape, data: data.map((value) => value * factor) };
}

function difference(actual: Tensors, expected: Tensors): number {
  const outputs = Object.entries(expected);
  return Math.max(...outputs.map(([name, { data }]) => compare(actual[name]?.data ?? [], data).largest));
}

t.test("the fixture notices when any one weight is 2 % off", async (t) => {
  const { probe, config, tolerance, ...drawn } = readCase("test/fixtures/models/unet-motion-mid-block");
  const inputs = drawCase(drawn);
  const right = runProbe(probe, config, inputs);
  for (const [name, tensor] of Object.entries(inputs)) {
    if (!name.startsWith("weights.")) continue;
    const wrong = runProbe(probe, config, { ...inputs, [name]: scaled(tensor, 1.02) });
    t.ok(difference(wrong, right) > tolerance, name);
  }
});
