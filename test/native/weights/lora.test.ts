import { join } from "node:path";
import { type LoadOptions, Pipeline } from "cameo";
import t, { type Test } from "tap";
import { addLowRank, largestDifference } from "../../support/low_rank.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import { drawInput, type Tensor, type Tensors } from "../../support/tensors.js";

const model = writeSmallModel("lora");
const whole = readSafetensors(model.subject ?? "");
const linear = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
const convolution = "down_blocks.0.resnets.0.conv1";
const rank = 3;

const draw = (name: string, ...shape: number[]): Tensor<Float32Array> => drawInput(name, { shape }, 5);

/** The factors of a linear layer's adapter, (8, 8), and of a 3x3 convolution's, (8, 8, 3, 3). */
const factors: Tensors = {
  [`${linear}.lora_A.weight`]: draw("A", rank, 8),
  [`${linear}.lora_B.weight`]: draw("B", 8, rank),
  [`${convolution}.lora_A.weight`]: draw("conv A", rank, 8, 3, 3),
  [`${convolution}.lora_B.weight`]: draw("conv B", 8, rank, 1, 1),
};

function write(t: Test, tensors: Tensors): string {
  const path = join(t.testdir(), "adapters.safetensors");
  writeSafetensors(path, tensors);
  return path;
}

async function sample(subject: LoadOptions["subject"]): Promise<Uint8Array> {
  await using pipe = await Pipeline.load({ ...model, subject, device: "cpu", dtype: "fp32" });
  const reference = { data: new Uint8Array(3 * 32 * 32).map((_, i) => i % 251), width: 32, height: 32 };
  const request = { prompt: "a cat", reference, frames: 2, width: 32, height: 32, steps: 2, seed: 7 };
  return (await pipe.sample(request)).frames;
}

const base = readSafetensors(join(model.base, "unet", "diffusion_pytorch_model.safetensors"));

/** The subject's file with the adapters merged into it. */
function merged(t: Test, scale: number): string {
  const tensors = { ...whole };
  for (const module of [linear, convolution]) {
    const weight = whole[`${module}.weight`] ?? base[`${module}.weight`];
    const [down, up] = [factors[`${module}.lora_A.weight`], factors[`${module}.lora_B.weight`]];
    if (weight && up && down) tensors[`${module}.weight`] = addLowRank(weight, up, down, scale);
  }
  const path = join(t.testdirName, "merged.safetensors");
  writeSafetensors(path, tensors);
  return path;
}

t.test("adapters add alpha / rank times their product, with or without a prefix", async (t) => {
  const alpha = { shape: [1], data: new Float32Array([1.5]) };
  const alphas = { [`${linear}.alpha`]: alpha, [`${convolution}.alpha`]: alpha };
  const plain = await sample(model.subject);
  for (const [scale, prefix, extra] of [
    [1, "", {}],
    [1, "unet.", {}],
    [1.5 / rank, "unet.", alphas],
  ] as const) {
    const named = Object.entries({ ...factors, ...extra }).map(([name, tensor]) => [prefix + name, tensor]);
    const adapters = write(t, Object.fromEntries(named));
    const expected = await sample(merged(t, scale));
    for (const subject of [
      [model.subject ?? "", adapters],
      [adapters, model.subject ?? ""],
    ]) {
      const made = await sample(subject);
      t.ok(largestDifference(made, expected) <= 1, `as merged by hand, times ${scale}`);
      t.ok(largestDifference(made, plain) > 8, "and not as without");
    }
  }
});

t.test("several files of adapters add up", async (t) => {
  const path = write(t, factors);
  const twice = await sample([model.subject ?? "", path, path]);
  t.ok(largestDifference(twice, await sample(merged(t, 2))) <= 1);
});

t.test("the file is described as covered", async (t) => {
  const path = write(t, factors);
  await using pipe = await Pipeline.load({ ...model, subject: [model.subject ?? "", path], device: "cpu" });
  const files = pipe.describe().networks.find(({ name }) => name === "unet")?.files ?? [];
  t.match(files.at(-1), { path, total: 4, used: 4, overridden: 0, ignored: 0 });
  t.equal(files.length, 4);
});

t.test("adapters that do not fit are named", async (t) => {
  const { [`${linear}.lora_B.weight`]: _, ...half } = factors;
  const cases: [Tensors, RegExp][] = [
    [half, /"down_blocks.*to_q" has only one of lora_A and lora_B$/],
    [{ ...factors, "nowhere.lora_A.weight": draw("a", 1, 1) }, /there is no layer "nowhere"/],
    [
      { ...factors, [`${linear}.lora_B.weight`]: draw("b", 9, rank) },
      /has \(3, 8\) and \(9, 3\) for \(8, 8\)/,
    ],
    [
      { [`${linear}.lora_A.weight`]: draw("a", 9, 8), [`${linear}.lora_B.weight`]: draw("b", 8, 9) },
      /has \(9, 8\) and \(8, 9\) for \(8, 8\)/,
    ],
    [
      { ...factors, [`${linear}.weight`]: draw("w", 8, 8) },
      /"down_blocks.*to_q\.weight" is no part of an adapter/,
    ],
    [{ ...factors, [`${linear}.alpha`]: draw("alpha", 2) }, /to_q\.alpha" is not one number/],
  ];
  for (const [tensors, message] of cases) {
    const path = write(t, tensors);
    const error = await Pipeline.load({ ...model, subject: path, device: "cpu" }).catch((reason) => reason);
    t.equal(error.code, "ERR_WEIGHTS_MISMATCH");
    t.match(error.message, message);
    t.match(error.message, `the adapters in ${path} do not fit the unet`);
    t.notMatch(error.message, "\n");
  }
});
