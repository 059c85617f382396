// Slow: it computes seventeen networks.
import t from "tap";
import { testCases } from "../../support/cases.js";
import { compare } from "../../support/compare.js";
import { drawCase, readCase, runProbe } from "../../support/probes.js";
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

t.test("deep features are taken from the evaluation before", async (t) => {
  const { probe, config, ...drawn } = readCase("test/fixtures/models/unet-pisa-2");
  const inputs = drawCase(drawn);
  const { sample } = inputs;
  if (!sample) throw new Error("the fixture has no sample");
  const whole = runProbe(probe, config, inputs);
  const changed = scaled(sample, 0.9);
  const before = runProbe(probe, config, { ...inputs, sample: changed });
  const layers = 2;
  for (let cached = 1; cached <= layers; ++cached) {
    const withCache = { ...config, cache_layers: cached };
    const same = runProbe(probe, withCache, { ...inputs, sample_before: sample });
    t.equal(difference(same, whole), 0, `${cached} layers: the same input, the same output`);
    const mixed = runProbe(probe, withCache, { ...inputs, sample_before: changed });
    t.ok(difference(mixed, whole) > 1e-3, `${cached} layers: the features are those of the sample before`);
    t.ok(difference(mixed, before) > 1e-3, `${cached} layers: the outermost layers read the sample`);
  }
});
