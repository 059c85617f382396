import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { assertClose } from "../../support/compare.js";
import { type ModelParts, writeModel } from "../../support/model_folder.js";
import { runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";
import { drawInput, type InputSpec, type Tensor, type Tensors } from "../../support/tensors.js";

/** By the parts of a parameter's name: the norms of its first gradient and of itself after the last step. */
type Norms = { [part: string]: Norms | [gradient: number, after: number] };

interface Case {
  parts: Pick<ModelParts, "motion" | "subject">;
  config: { scheduler: object };
  seed: number;
  inputs: Record<string, InputSpec>;
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

for (const name of readdirSync(root)) {
  t.test(name, async (t) => {
    const { parts, config, seed, inputs, norms }: Case = JSON.parse(
      readFileSync(join(root, name, "case.json"), "utf8"),
    );
    const model = writeModel(join("build/fixtures/training", name), {
      ...parts,
      scheduler: config.scheduler,
    });
    const drawn = Object.entries(inputs).map(([key, spec]) => [key, drawInput(key, spec, seed)]);
    const actual = runProbe("train.steps", { ...config, ...model }, Object.fromEntries(drawn));
    const expected = readSafetensors(join(root, name, "expected.safetensors"));
    for (const losses of ["loss", "loss_video", "loss_reg"]) {
      assertClose(t, actual[losses], expected[losses], 1e-4, losses);
    }
    assertClose(t, actual.grad_norm, expected.grad_norm, 1e-3, "gradient norms before clipping");
    compareParameters(t, norms, actual, expected);
  });
}
