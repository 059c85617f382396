// Slow: it trains each kind of network.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type LoadOptions, Pipeline, type SampleRequest } from "cameo";
import t, { type Test } from "tap";
import type { Recipe } from "#ts/training/recipe.js";
import { assertClose } from "../../support/compare.js";
import { addLowRank, largestDifference } from "../../support/low_rank.js";
import { dtypesOf, readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import type { Tensor, Tensors } from "../../support/tensors.js";
import { train, vaeRecipe, writeTrainingSet } from "../../support/training_run.js";
import { paintClip, writeText } from "../data/helpers.js";

const folder = "build/fixtures/trainer_kinds";
const set = await writeTrainingSet("trainer_kinds");
const runs = join(folder, "runs");
const { base, motion = "", subject = "" } = set.model;
const weightFile = "diffusion_pytorch_model.safetensors";
const reference = { data: new Uint8Array(3 * 64 * 64).map((_, i) => i % 251), width: 64, height: 64 };

/** A copy of a network's folder that has its config and no weights. */
function withoutWeights(from: string, to: string): string {
  mkdirSync(to, { recursive: true });
  cpSync(join(from, "config.json"), join(to, "config.json"));
  return to;
}

function readConfig(model: string): { scaling_factor: number } {
  return JSON.parse(readFileSync(join(model, "vae", "config.json"), "utf8"));
}

/** Runs the recipe to its end; the path of the model, and the tensors of the last checkpoint. */
async function finish(t: Test, name: string, changes: Partial<Recipe>) {
  const output = join(runs, name);
  rmSync(output, { recursive: true, force: true });
  const { events, error } = await train({ ...set, steps: 3, ...changes, output });
  t.equal(error, undefined);
  const last = events.at(-1);
  t.equal(last?.type, "done");
  const model = last?.type === "done" ? last.model : "";
  return { model, state: readSafetensors(join(output, "checkpoints", "step-00000003.safetensors")) };
}

/** What the checkpoint has of one sort ("weights", "average") under the names within a network. */
function stateOf(state: Tensors, sort: string, network = "unet"): Tensors {
  const prefix = `${sort}/${network}.`;
  const found = Object.entries(state).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

function isSame(a: Tensor | undefined, b: Tensor | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.from(a.data.buffer).equals(Buffer.from(b.data.buffer));
}

/** Every tensor of `expected` is in `actual` with the same bits. */
function checkHas(t: Test, actual: Tensors, expected: Tensors, what: string): void {
  const names = Object.keys(expected);
  t.ok(names.length > 0);
  const differ = names.filter((name) => !isSame(actual[name], expected[name]));
  t.same(differ, [], `${what}: ${names.length} tensors`);
}

const without = (tensors: Tensors, others: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => !(name in others)));

async function sample(model: LoadOptions, request: Partial<SampleRequest> = {}): Promise<Uint8Array> {
  await using pipe = await Pipeline.load({ ...model, device: "cpu", dtype: "fp32" });
  const common = { prompt: "a box", frames: 4, width: 64, height: 64, steps: 2, seed: 3 };
  return (await pipe.sample({ ...common, ...request })).frames;
}

/** Of each frame, as a video of the subject model starts from it. */
async function initialNoise(subject: string): Promise<number[][]> {
  const saveLatents = join(runs, "initial_noise.safetensors");
  await sample({ base, motion, subject }, { reference, saveLatents });
  const noise = readSafetensors(saveLatents).initial_noise;
  if (!noise) throw new Error("no initial noise was saved");
  const [, channels = 0, frames = 0, height = 0, width = 0] = noise.shape;
  const plane = height * width;
  return Array.from({ length: frames }, (_, frame) =>
    Array.from({ length: channels }, (_, channel) => (channel * frames + frame) * plane).flatMap((start) =>
      Array.from(noise.data.subarray(start, start + plane)),
    ),
  );
}

async function checkDiffer(t: Test, a: Promise<Uint8Array>, b: Promise<Uint8Array>): Promise<void> {
  t.ok(largestDifference(await a, await b) > 0, "its videos are its own");
}

t.test("an image model, drawn and trained with its text encoder, is a base folder", async (t) => {
  const drawn = join(folder, "drawn-base");
  rmSync(drawn, { recursive: true, force: true });
  cpSync(base, drawn, { recursive: true });
  rmSync(join(drawn, "unet"), { recursive: true });
  withoutWeights(join(base, "unet"), join(drawn, "unet"));
  const source = join(folder, "pictures");
  for (let i = 0; i < 3; i++) {
    await paintClip(join(source, `${i}.png`), [1, 80, 64], (_, x, y) => [x, y, 80 * i]);
    writeText(join(source, `${i}.txt`), `a picture, number ${i}`);
  }
  const { model, state } = await finish(t, "image", {
    kind: "image",
    model: { base: drawn },
    data: { source, size: [64, 64] },
    trained: ["all", "text_encoder"],
    ema: 0.9,
    objective: { prediction: "v" },
    dtype: "bf16",
    validation: { every: 3, requests: [{ prompt: "a picture", width: 64, height: 64, steps: 2 }] },
  });
  t.equal(model, resolve(runs, "image", "model", "base"));
  t.strictSame(readdirSync(join(runs, "image", "validation")), ["step-00000003"]);
  const unet = readSafetensors(join(model, "unet", weightFile));
  t.strictSame(Object.keys(unet).sort(), Object.keys(readSafetensors(join(base, "unet", weightFile))).sort());
  checkHas(t, unet, stateOf(state, "average"), "the averages");
  checkHas(
    t,
    readSafetensors(join(model, "text_encoder", "model.safetensors")),
    stateOf(state, "average", "text_encoder"),
    "the text encoder's averages",
  );
  for (const file of [join("vae", weightFile), join("vae", "config.json"), join("tokenizer", "vocab.json")]) {
    t.ok(readFileSync(join(model, file)).equals(readFileSync(join(base, file))), file);
  }
  const scheduler = JSON.parse(readFileSync(join(model, "scheduler", "scheduler_config.json"), "utf8"));
  t.equal(scheduler.prediction_type, "v_prediction");
  t.same(readdirSync(join(runs, "image", "model")), ["base"]);
  await checkDiffer(t, sample({ base: model }, { frames: 1 }), sample({ base }, { frames: 1 }));
});

t.test("a VAE, drawn and trained, is a base folder that an image model starts from", async (t) => {
  const drawn = join(folder, "configs");
  rmSync(drawn, { recursive: true, force: true });
  const isWeights = (path: string) => path.endsWith(".safetensors");
  cpSync(base, drawn, { recursive: true, filter: (path) => !isWeights(path) });
  const { model, state } = await finish(t, "vae", {
    ...vaeRecipe(set),
    model: { base: drawn },
    steps: 3,
    ema: 0.9,
  });
  t.equal(model, resolve(runs, "vae", "model", "base"));
  const vae = readSafetensors(join(model, "vae", weightFile));
  t.strictSame(Object.keys(vae).sort(), Object.keys(readSafetensors(join(base, "vae", weightFile))).sort());
  checkHas(t, vae, stateOf(state, "average", "vae"), "the averages");
  const { scaling_factor, ...config } = readConfig(model);
  const { scaling_factor: _, ...given } = readConfig(drawn);
  t.strictSame(config, given);
  const [squares = 0, weight = 0] = state.latent_scale?.data ?? [];
  t.ok(Math.abs(scaling_factor - Math.sqrt(weight / squares)) < 1e-5 * scaling_factor);
  const files = readdirSync(model, { recursive: true, encoding: "utf8" });
  t.same(files.filter(isWeights), [join("vae", weightFile)], "no weights but the VAE's");

  const source = join(folder, "clips");
  const trained = await finish(t, "image-after-vae", {
    kind: "image",
    model: { base: model },
    data: { source, size: [64, 64] },
    modelDtype: "bf16",
  });
  t.same(dtypesOf(join(trained.model, "unet", weightFile)), ["BF16"]);
  t.same(dtypesOf(join(trained.model, "text_encoder", "model.safetensors")), ["BF16"]);
  t.same(dtypesOf(join(trained.model, "vae", weightFile)), ["F32"], "copied as it was");
  await sample({ base: trained.model }, { frames: 1 });
});

t.test("a decoder that is trained alone leaves the latents as they are", async (t) => {
  const { model, state } = await finish(t, "decoder", {
    ...vaeRecipe(set),
    trained: ["decoder.*"],
    steps: 3,
  });
  t.strictSame(readConfig(model), readConfig(base));
  const [before, after] = [base, model].map((folder) => readSafetensors(join(folder, "vae", weightFile)));
  const changed = Object.keys(after ?? {}).filter((name) => !isSame(before?.[name], after?.[name]));
  t.strictSame(changed.sort(), Object.keys(stateOf(state, "weights", "vae")).sort());
  t.ok(changed.every((name) => name.startsWith("decoder.")));
});

t.test("motion modules, drawn and trained, are a MotionAdapter's folder", async (t) => {
  const drawn = withoutWeights(motion, join(folder, "drawn-motion"));
  const { model, state } = await finish(t, "motion", { kind: "motion", model: { base, motion: drawn } });
  t.equal(model, resolve(runs, "motion", "model", "motion"));
  const trained = readSafetensors(join(model, weightFile));
  const original = readSafetensors(join(motion, weightFile));
  t.strictSame(Object.keys(trained).sort(), Object.keys(original).sort());
  const weights = stateOf(state, "weights");
  checkHas(t, trained, weights, "what was trained");
  for (const [name, table] of Object.entries(without(original, weights))) {
    assertClose(t, trained[name], table, 1e-6, name);
  }
  await checkDiffer(t, sample({ base, motion: model }), sample({ base, motion }));
});

t.test("a subject's file has what was trained, and the rest of what it started from", async (t) => {
  const { model, state } = await finish(t, "subject", { trained: ["motion"], ema: 0.9 });
  t.equal(model, resolve(runs, "subject", "model", "subject.safetensors"));
  const trained = readSafetensors(model);
  const original = readSafetensors(subject);
  const averages = stateOf(state, "average");
  t.strictSame(
    Object.keys(trained).sort(),
    [...new Set([...Object.keys(original), ...Object.keys(averages)])].sort(),
  );
  checkHas(t, trained, averages, "the averages");
  checkHas(t, trained, without(original, averages), "what was frozen");
  const made = sample({ base, motion, subject: model }, { reference });
  await checkDiffer(t, made, sample({ base, motion, subject }, { reference }));
});

t.test("a subject's file keeps its references from the text where the recipe says so", async (t) => {
  const { model } = await finish(t, "no-text", {
    model: { base, motion, subject, referenceCrossAttention: false },
  });
  const silent = join(runs, "no-text", "silent.safetensors");
  writeSafetensors(silent, readSafetensors(model));
  const made = sample({ base, motion, subject: model }, { reference });
  await checkDiffer(t, made, sample({ base, motion, subject: silent }, { reference }));

  const further = await finish(t, "no-text-further", { model: { base, motion, subject: model } });
  t.match(readFileSync(further.model).toString("latin1"), /"reference_cross_attention":"false"/);
});

t.test(
  "a subject's file keeps how its noise follows from frame to frame, and is sampled with it",
  async (t) => {
    const noiseCorrelation = 0.8;
    const { model } = await finish(t, "noise", { model: { base, motion, subject, noiseCorrelation } });
    const [independent, correlated] = [await initialNoise(subject), await initialNoise(model)];
    t.strictSame(correlated[0], independent[0], "the first frame's noise is its own");
    let expected = independent[0] ?? [];
    for (const [i, own] of independent.entries()) {
      if (i > 0)
        expected = expected.map((value, j) => noiseCorrelation * value + 0.6 * (own[j] ?? Number.NaN));
      const furthest = Math.max(
        ...expected.map((value, j) => Math.abs(value - (correlated[i]?.[j] ?? Number.NaN))),
      );
      t.ok(furthest < 1e-5, `frame ${i}: ${furthest}`);
    }

    const further = await finish(t, "noise-further", { model: { base, motion, subject: model } });
    t.match(readFileSync(further.model).toString("latin1"), /"noise_correlation":"0.8"/);
  },
);

t.test("a subject's file whose metadata make no sense is refused", async (t) => {
  const { model } = await finish(t, "metadata", { model: { base, motion, subject, noiseCorrelation: 0.8 } });
  const broken = join(runs, "metadata", "broken.safetensors");
  const fields = [
    ["noise_correlation", "0.8", "1.5", "a number from 0 to less than 1"],
    ["noise_correlation", "0.8", "nan", "a number from 0 to less than 1"],
    ["reference_cross_attention", "true", "oui!", "true or false"],
  ] as const;
  for (const [field, right, wrong, allowed] of fields) {
    const bytes = readFileSync(model).toString("latin1");
    writeFileSync(broken, bytes.replace(`"${field}":"${right}"`, `"${field}":"${wrong}"`), "latin1");
    await t.rejects(Pipeline.load({ base, motion, subject: broken, device: "cpu" }), {
      code: "ERR_WEIGHTS_FORMAT",
      message: `${broken}: its metadata's ${field} is not ${allowed}`,
    });
  }
});

t.test("without a subject's file to start from, a file has what was trained alone", async (t) => {
  const { model, state } = await finish(t, "fresh", { model: { base, motion } });
  const trained = readSafetensors(model);
  const weights = stateOf(state, "weights");
  t.strictSame(Object.keys(trained).sort(), Object.keys(weights).sort());
  checkHas(t, trained, weights, "what was trained");
  await sample({ base, motion, subject: model }, { reference });
});

t.test("adapters are a small file that is laid over what they were trained on", async (t) => {
  const lora = { rank: 4, alpha: 8 };
  const { model, state } = await finish(t, "lora", {
    trained: ["attn1"],
    lora,
    optimizer: { learningRate: 3e-2 },
  });
  const factors = readSafetensors(model);
  const learned = stateOf(state, "weights");
  t.strictSame(
    Object.keys(factors).sort(),
    Object.keys(learned)
      .map((name) => `unet.${name}`)
      .sort(),
  );
  t.ok(statSync(model).size < 400_000, `${statSync(model).size} bytes`);
  const whole: Tensors = { ...readSafetensors(subject) };
  for (const [name, down] of Object.entries(learned)) {
    if (!name.endsWith(".lora_A.weight")) continue;
    const up = learned[name.replace("lora_A", "lora_B")];
    const parameter = name.replace(".lora_A", "");
    if (up && whole[parameter]) {
      whole[parameter] = addLowRank(whole[parameter], up, down, lora.alpha / lora.rank);
    }
  }
  const merged = join(folder, "merged.safetensors");
  writeSafetensors(merged, whole);

  const expected = await sample({ base, motion, subject: merged }, { reference });
  const made = await sample({ base, motion, subject: [subject, model] }, { reference });
  t.ok(largestDifference(made, expected) <= 1, "as merged by hand");
  const before = await sample({ base, motion, subject }, { reference });
  t.ok(largestDifference(made, before) > 8, "and not as before");
});

t.test("adapters of a model without a subject's file are laid over the base", async (t) => {
  const { model } = await finish(t, "lora-fresh", { model: { base, motion }, lora: { rank: 2 } });
  const made = await sample({ base, motion, subject: model }, { reference });
  t.equal(made.length, 3 * 4 * 64 * 64);
});
