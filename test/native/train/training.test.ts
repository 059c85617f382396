// Slow: it trains.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { readCaseFile } from "../../support/case_file.js";
import { assertClose } from "../../support/compare.js";
import { type ModelParts, writeModel } from "../../support/model_folder.js";
import { runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";
import {
  drawInput,
  drawWeights,
  elements,
  type InputSpec,
  type Tensor,
  type Tensors,
  type WeightTree,
} from "../../support/tensors.js";

/** By the parts of a parameter's name: the norms of its first gradient and of itself after the last step. */
type Norms = { [part: string]: Norms | [gradient: number, after: number] };

interface Case {
  parts: Pick<ModelParts, "motion" | "subject">;
  config: { scheduler: object };
  seed: number;
  inputs: Record<string, InputSpec>;
  /** The shapes of adapters' factors. */
  start?: WeightTree;
  norms: Norms;
}

/** A case with its inputs drawn and its model written. */
interface OpenCase {
  config: object;
  inputs: Tensors;
  norms: Norms;
}

const root = "test/fixtures/training";

function* flatten(norms: Norms, prefix = ""): Generator<[name: string, gradient: number, after: number]> {
  for (const [part, child] of Object.entries(norms)) {
    if (Array.isArray(child)) yield [prefix + part, ...child];
    else yield* flatten(child, `${prefix}${part}.`);
  }
}

function norm(tensor: Tensor | undefined): number {
  return Math.hypot(...(tensor?.data ?? [Number.NaN]));
}

function distance(a: Tensor | undefined, b: Tensor): number {
  return Math.hypot(...Array.from(b.data, (x, i) => x - (a?.data[i] ?? Number.NaN)));
}

function compareParameters(t: Test, norms: Norms, actual: Tensors, expected: Tensors): void {
  const parameters = [...flatten(norms)];
  const gradients = Object.keys(actual).filter((key) => key.startsWith("grad0/"));
  t.same(gradients.sort(), parameters.map(([name]) => `grad0/${name}`).sort(), "what is trained");
  const off: string[] = [];
  for (const [name, size, after] of parameters) {
    const gradient = actual[`grad0/${name}`];
    const whole = expected[`grad0/${name}`];
    const error = whole ? distance(gradient, whole) : Math.abs(norm(gradient) - size);
    if (!(error <= 1e-3 * size)) off.push(`the gradient of ${name}: ${error / size}`);
    const moved = Math.abs(norm(actual[`after/${name}`]) - after);
    if (!(moved <= 1e-4 * after)) off.push(`${name} after the last step: ${moved / after}`);
  }
  t.same(off, [], "every gradient within 1e-3 of its norm, every norm after the last step within 1e-4");
}

function openCase(name: string): OpenCase {
  const { parts, config, seed, inputs, start = {}, norms } = readCaseFile<Case>(join(root, name));
  const model = writeModel(join("build/fixtures/training", name), { ...parts, scheduler: config.scheduler });
  const drawn = Object.entries(inputs).map(([key, spec]) => [key, drawInput(key, spec, seed)]);
  return {
    config: { ...config, ...model },
    inputs: { ...Object.fromEntries(drawn), ...drawWeights(start, seed, "start/") },
    norms,
  };
}

/** The micro-batches' tensors with one more micro-batch at `place`, `value` everywhere. */
function withMicroBatch({ shape, data }: Tensor, place: number, value: number): Tensor {
  const [batches = 0, ...rest] = shape;
  const size = elements(rest);
  const longer = Array.from(data);
  longer.splice(place * size, 0, ...new Array<number>(size).fill(value));
  return { shape: [batches + 1, ...rest], data: Float32Array.from(longer) };
}

for (const name of readdirSync(root)) {
  t.test(name, async (t) => {
    const { config, inputs, norms } = openCase(name);
    const expected = readSafetensors(join(root, name, "expected.safetensors"));
    for (const recompute of [false, true]) {
      await t.test(recompute ? "activations are recomputed" : "activations are kept", async (t) => {
        const actual = runProbe("train.steps", { ...config, recompute }, inputs);
        for (const losses of ["loss", "loss_video", "loss_reg"]) {
          assertClose(t, actual[losses], expected[losses], 1e-4, losses);
        }
        assertClose(t, actual.grad_norm, expected.grad_norm, 1e-3, "gradient norms before clipping");
        compareParameters(t, norms, actual, expected);
      });
    }
  });
}

/** The tensor twice, along its first dimension. */
function twice({ shape: [first = 0, ...rest], data }: Tensor): Tensor {
  return { shape: [2 * first, ...rest], data: Float32Array.from([...data, ...data]) };
}

t.test("each sample's subjects have regions of their own", async (t) => {
  const { config, inputs } = openCase("two-references");
  const { prompt_embeds, reference_latents, ...drawn } = inputs as Record<string, Tensor>;
  if (!prompt_embeds || !reference_latents) throw new Error("the case lacks an input");
  const lossOf = (of: Tensors, changes: object = {}) =>
    Number(runProbe("train.steps", { ...config, ...changes }, of).loss?.data[0]);
  const sides = [
    [0, 0, 0.5, 1],
    [0.5, 0, 1, 1],
  ];
  const halves = [sides, sides.toReversed()];
  // The first two micro-batches of one sample, as one of two.
  const pairs = Object.entries(drawn).map(
    ([
      name,
      {
        shape: [, , ...rest],
        data,
      },
    ]) => {
      return [name, { shape: [2, 2, ...rest], data }];
    },
  );
  const together: Tensors = {
    ...Object.fromEntries(pairs),
    prompt_embeds: twice(prompt_embeds),
    reference_latents: twice(reference_latents),
  };
  const half = (i: number) => {
    const one = Object.entries(drawn).map(
      ([
        name,
        {
          shape: [count = 1, ...rest],
          data,
        },
      ]) => {
        const size = data.length / count;
        return [name, { shape: [1, ...rest], data: data.slice(i * size, (i + 1) * size) }];
      },
    );
    return lossOf({ ...inputs, ...Object.fromEntries(one) }, { regions: [[halves[i]]] });
  };
  const mean = (half(0) + half(1)) / 2;
  const both = lossOf(together, { regions: [halves, halves] });
  t.ok(Math.abs(both - mean) < 1e-5 * mean, `${both} for ${mean}`);
  t.ok(
    Math.abs(both - lossOf(together, { regions: [[sides, sides], halves] })) > 1e-4 * mean,
    "a region tells",
  );
});

t.test("a step whose gradient is not finite leaves no trace", async (t) => {
  const { config, inputs } = openCase("two-references");
  const { latents, noise, timesteps, reference_noise } = inputs as Record<string, Tensor>;
  if (!latents || !noise || !timesteps || !reference_noise) throw new Error("the case lacks an input");
  const undisturbed = runProbe("train.steps", config, inputs);
  const disturbed = runProbe("train.steps", config, {
    ...inputs,
    latents: withMicroBatch(latents, 1, Number.POSITIVE_INFINITY),
    noise: withMicroBatch(noise, 1, 0),
    timesteps: withMicroBatch(timesteps, 1, 500),
    reference_noise: withMicroBatch(reference_noise, 1, 0),
  });
  const [first, second, ...rest] = Array.from(disturbed.grad_norm?.data ?? []);
  t.notOk(Number.isFinite(second), "its norm is not finite");
  const norms = { shape: [rest.length + 1], data: Float32Array.from([first ?? Number.NaN, ...rest]) };
  assertClose(t, norms, undisturbed.grad_norm, 1e-6, "the other steps' gradients");
  for (const [key, tensor] of Object.entries(undisturbed)) {
    if (key.startsWith("after/")) assertClose(t, disturbed[key], tensor, 1e-6, key);
  }
});
