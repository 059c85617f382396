import { existsSync } from "node:fs";
import { join } from "node:path";
import { type LoadOptions, Pipeline } from "cameo";
import t, { type Test } from "tap";
import { addLowRank, largestDifference } from "../../support/low_rank.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import { drawInput, elements, type Tensor, type Tensors } from "../../support/tensors.js";
import { errorOf, runWeights, throwsTyped } from "../../support/weights.js";

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

function write(t: Test, tensors: Tensors, config?: object): string {
  const path = join(t.testdir(), "adapters.safetensors");
  const metadata = config && { format: "pt", lora_adapter_metadata: JSON.stringify(config) };
  writeSafetensors(path, tensors, metadata);
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

/** What the adapters of a file are multiplied by. */
function scalesOf(path: string): [linear: number, convolution: number] {
  const parameters: Record<string, number[]> = {
    [`${linear}.weight`]: [8, 8],
    [`${convolution}.weight`]: [8, 8, 3, 3],
  };
  const { tensors } = runWeights("lora", { path, parameters });
  const scale = (module: string) => {
    const added = tensors[`${module}.weight`]?.data[0] ?? 0;
    const [down, up] = [factors[`${module}.lora_A.weight`], factors[`${module}.lora_B.weight`]];
    const shape = parameters[`${module}.weight`] ?? [];
    const zeros = { shape, data: new Float32Array(elements(shape)) };
    return added / ((up && down && addLowRank(zeros, up, down).data[0]) ?? 0);
  };
  return [scale(linear), scale(convolution)];
}

const prefixed = (config: object, prefix = "unet.") =>
  Object.fromEntries(Object.entries(config).map(([name, value]) => [prefix + name, value]));

t.test("diffusers' metadata says how strong adapters are", async (t) => {
  const root = Math.sqrt(rank);
  const cases: [object, [number, number]][] = [
    [prefixed({ r: rank, lora_alpha: 6 }), [2, 2]],
    [{ r: rank, lora_alpha: 6 }, [2, 2]],
    [{ ...prefixed({ r: rank, lora_alpha: 6 }), ...prefixed({ lora_alpha: 90 }, "text_encoder.") }, [2, 2]],
    [prefixed({ lora_alpha: 4.5 }), [1.5, 1.5]],
    [prefixed({ r: rank }), [8 / rank, 8 / rank]],
    [prefixed({ lora_alpha: 3, alpha_pattern: { conv1: 6 } }), [1, 2]],
    [prefixed({ lora_alpha: 3, alpha_pattern: { v1: 6 } }), [1, 1]],
    [prefixed({ lora_alpha: 3, alpha_pattern: { [`^${linear}`]: 6, "^conv1": 9 } }), [2, 1]],
    [prefixed({ lora_alpha: 3, alpha_pattern: { "down_blocks\\.\\d+\\..*\\.to_q": 6 } }), [2, 1]],
    [prefixed({ r: 4, lora_alpha: 6, rank_pattern: { ".*": rank } }), [2, 2]],
    [prefixed({ r: rank, lora_alpha: 6, use_rslora: true }), [6 / root, 6 / root]],
    [
      prefixed({ r: rank, lora_alpha: 6, use_dora: false, init_lora_weights: "gaussian", bias: "none" }),
      [2, 2],
    ],
    [prefixed({ r: 7, lora_alpha: 90 }, "text_encoder."), [1, 1]],
  ];
  for (const [config, scales] of cases) {
    const made = scalesOf(write(t, factors, config));
    const isRight = made.every((scale, i) => Math.abs(scale - (scales[i] ?? 0)) < 1e-4);
    t.ok(isRight, `${JSON.stringify(config)} gives ${made.map((scale) => scale.toFixed(2))}`);
  }
});

t.test("what adapters are by their metadata and merging can't honour is refused by name", async (t) => {
  const alpha = { [`${linear}.alpha`]: { shape: [], data: new Float32Array([3]) } };
  const cases: [object, Tensors, RegExp][] = [
    [{ use_dora: true }, {}, /use_dora "true", which is not supported/],
    [{ lora_bias: true }, {}, /lora_bias/],
    [{ bias: "all" }, {}, /bias/],
    [{ use_qalora: true }, {}, /use_qalora/],
    [{ layer_replication: [[0, 4]] }, {}, /layer_replication/],
    [{ init_lora_weights: "pissa_niter_4" }, {}, /init_lora_weights .*pissa/],
    [{ alpha_pattern: { "(to_q|to_k)": 2 } }, {}, /the alpha_pattern "\(to_q\|to_k\)"/],
    [{ alpha_pattern: [1] }, {}, /alpha_pattern that is no table/],
    [{ lora_alpha: "8" }, {}, /lora_alpha .*which is no number/],
    [{ lora_alpha: Number.NaN, r: 1 }, {}, /rank 1, but it has 3/],
    [{ r: rank, rank_pattern: { to_q: 5 } }, {}, /"down_blocks.*to_q" has rank 5, but it has 3/],
    [{ r: rank, lora_alpha: 9 }, alpha, /alpha" makes its adapter 1 times as strong, its metadata 3 times/],
  ];
  for (const [config, tensors, message] of cases) {
    const path = write(t, { ...factors, ...tensors }, prefixed(config));
    const error = errorOf(() => scalesOf(path));
    t.match(error.code, /^ERR_WEIGHTS_(FORMAT|MISMATCH)$/);
    t.match(error.message, message);
    t.match(error.message, path);
  }
  for (const text of ["{", "[]", '"x"', `{"a":${"[".repeat(99)}`]) {
    const path = join(t.testdir(), "broken.safetensors");
    writeSafetensors(path, factors, { lora_adapter_metadata: text });
    throwsTyped(t, () => scalesOf(path), "ERR_WEIGHTS_FORMAT", "lora_adapter_metadata");
  }
});

const cases = "../shared/cases/lora";
const released = "../shared/parity/videomaker-a";
const skip = existsSync(cases) && existsSync(released) ? false : `${cases} is not there`;

t.test("a file of diffusers' acts as one with the same alphas", { skip }, async (t) => {
  const frames = async (name: string) => {
    const paths = { base: join(released, "sd15-small"), motion: join(released, "motion-adapter") };
    const subject = [join(released, "videomaker.bin"), join(cases, `${name}.safetensors`)];
    await using pipe = await Pipeline.load({ ...paths, subject, device: "cpu", dtype: "fp32" });
    const reference = join(released, "reference.png");
    const request = { prompt: "a man", reference, frames: 2, width: 64, height: 64, steps: 3, seed: 7 };
    return (await pipe.sample(request)).frames;
  };
  const [metadata, alphas, plain] = await Promise.all(["metadata", "alpha_keys", "plain"].map(frames));
  t.equal(largestDifference(metadata as Uint8Array, alphas as Uint8Array), 0);
  t.ok(largestDifference(metadata as Uint8Array, plain as Uint8Array) > 4);
});
