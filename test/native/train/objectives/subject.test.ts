// Slow: it trains.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { assertClose } from "../../../support/compare.js";
import { runProbe } from "../../../support/probes.js";
import { readSafetensors } from "../../../support/safetensors.js";
import type { Tensor, Tensors } from "../../../support/tensors.js";

/** Ten steps computed by PyTorch through the paper's released attention processors; not part of the package. */
const parity = process.env.CAMEO_PARITY_ROOT ?? "../shared/parity";
const skip = existsSync(join(parity, "training-a")) ? false : `${parity}/training-a is not there`;

const given = ["latents", "noise", "reference_noise", "timesteps", "reference_latents", "prompt_embeds"];

function norm(tensor: Tensor): number {
  return Math.sqrt(Array.from(tensor.data).reduce((sum, x) => sum + x * x, 0));
}

function difference(a: Tensor, b: Tensor): Tensor {
  return { shape: a.shape, data: Float32Array.from(a.data, (x, i) => x - (b.data[i] ?? Number.NaN)) };
}

interface Steps {
  /** Of the probe `train.steps`. */
  config: object;
  inputs: Tensors;
  expected: Tensors;
  /** The names of what is trained. */
  names: string[];
}

function readSteps(): Steps {
  const model = join(parity, "videomaker-a");
  const expected = readSafetensors(join(parity, "training-a", "training.safetensors"));
  const recipe = JSON.parse(readFileSync(join(parity, "training-a", "training.json"), "utf8"));
  const config = {
    ...recipe,
    base: join(model, "sd15-small"),
    motion: join(model, "motion-adapter"),
    subject: join(model, "videomaker.bin"),
    trained: recipe.trained.split(","),
    scheduler: { beta_schedule: "linear", beta_start: 0.00085, beta_end: 0.012 },
  };
  const inputs = Object.fromEntries(given.map((name) => [name, expected[name] as Tensor]));
  return { config, inputs, expected, names: recipe.parameters };
}

t.test("ten steps of the released objective", { skip }, async (t) => {
  const { config, inputs, expected, names } = readSteps();
  const actual = runProbe("train.steps", config, inputs);
  for (const name of ["loss", "loss_video", "loss_reg"]) {
    assertClose(t, actual[name], expected[name] as Tensor, 1e-4, name);
  }
  assertClose(t, actual.grad_norm, expected.grad_norm as Tensor, 1e-3, "gradient norms before clipping");

  t.equal(names.length, Object.keys(actual).filter((name) => name.startsWith("grad0/")).length);
  const norms = { before: expected.grad0_norms as Tensor, after: expected.param_norms_after as Tensor };
  for (const [i, name] of names.entries()) {
    const gradient = actual[`grad0/${name}`] as Tensor;
    const size = Number(norms.before.data[i]);
    t.ok(Math.abs(norm(gradient) - size) <= 1e-3 * size + 1e-9, `norm of the gradient of ${name}`);
    const whole = expected[`grad0/${name}`];
    if (whole) t.ok(norm(difference(gradient, whole)) <= 1e-3 * size + 1e-9, `gradient of ${name}`);
    const after = Number(actual[`after/${name}`]?.data[0]);
    const wanted = Number(norms.after.data[i]);
    t.ok(Math.abs(after - wanted) <= 1e-4 * wanted, `norm of ${name} after the last step`);
  }
});

t.test("ten steps in bf16, with master weights in fp32", { skip }, async (t) => {
  const { config, inputs, expected, names } = readSteps();
  const actual = runProbe("train.steps", { ...config, dtype: "bf16" }, inputs);
  t.equal(actual.fp32_leaves?.data[0], names.length, "what is trained is fp32");
  t.equal(actual.fp32_gradients?.data[0], names.length, "its gradients are fp32");
  const losses = expected.loss as Tensor;
  t.equal(actual.loss?.data.length, losses.data.length);
  for (const [i, wanted] of losses.data.entries()) {
    const loss = Number(actual.loss?.data[i]);
    t.ok(Math.abs(loss - wanted) <= 0.01 * wanted, `loss of step ${i}: ${loss} for ${wanted}`);
    t.not(loss, wanted, "and not by computing in fp32");
  }
});
