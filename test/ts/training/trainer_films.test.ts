// Slow: it trains each kind of film model.
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { type AnyRequest, type LoadOptions, Pipeline } from "cameo";
import t, { type Test } from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import type { Recipe } from "#ts/training/recipe.js";
import { cogVideoXRequest, writeCogVideoX } from "../../support/cogvideox_model.js";
import { addLowRank, largestDifference } from "../../support/low_rank.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import type { Tensors } from "../../support/tensors.js";
import { computed, sha256, train, writeClips } from "../../support/training_run.js";
import { videoRequest, writeVideoModel } from "../../support/video_model.js";
import { wanRequest, writeWan } from "../../support/wan_model.js";
import { writeText } from "../data/helpers.js";

const folder = "build/fixtures/trainer_films";
const runs = join(folder, "runs");
rmSync(runs, { recursive: true, force: true });
const source = await writeClips(join(folder, "clips"), 3);
const svd = writeVideoModel("trainer_films/svd");
const cogvideox = writeCogVideoX("trainer_films/cogvideox", "text");
const picture = writeCogVideoX("trainer_films/cogvideox-picture", "picture");

const wan = writeWan("trainer_films/wan");

const recipes: Record<"svd" | "cogvideox" | "picture" | "wan", Recipe> = {
  svd: recipeOf("svd", svd, { frames: 3, stride: 2, size: [24, 16] }),
  cogvideox: recipeOf("cogvideox", cogvideox, { frames: 5, stride: 2, size: [16, 8] }),
  picture: recipeOf("cogvideox", picture, { frames: 5, stride: 2, size: [16, 8] }),
  wan: recipeOf("wan", wan, { frames: 5, stride: 2, size: [32, 16] }),
};

function recipeOf(kind: Recipe["kind"], base: string, data: Omit<Recipe["data"], "source">): Recipe {
  return {
    ...{ kind, model: { base }, data: { source, ...data } },
    ...{ optimizer: { learningRate: 2e-2 }, steps: 2, device: "cpu", output: runs },
  };
}

/** Runs a recipe to its end, and gives its model's path and its steps. */
async function finish(t: Test, name: string, recipe: Recipe, resume = false) {
  const output = join(runs, name);
  const { events, error } = await train({ ...recipe, output }, { resume });
  t.equal(error, undefined);
  const last = events.at(-1);
  return { model: last?.type === "done" ? last.model : "", steps: computed(events), output };
}

async function sample(model: LoadOptions, request: AnyRequest): Promise<Uint8Array> {
  await using pipe = await Pipeline.load({ ...model, device: "cpu", dtype: "fp32" });
  return (await pipe.sample(request)).frames;
}

const weightFile = "diffusion_pytorch_model.safetensors";

for (const [name, network, request] of [
  ["svd", "unet", videoRequest()],
  ["cogvideox", "transformer", cogVideoXRequest("text")],
  ["picture", "transformer", cogVideoXRequest("picture")],
  ["wan", "transformer", wanRequest()],
] as const) {
  const recipe = recipes[name];
  const { base } = recipe.model;

  t.test(`${name}: adapters become a LoRA, which makes the film that was trained`, async (t) => {
    const lora = { rank: 2, alpha: 4 };
    const changed: Recipe = { ...recipe, lora, gradientCheckpointing: true, ema: 0.9 };
    const { model, steps } = await finish(t, `${name}-lora`, changed);
    t.equal(model, resolve(runs, `${name}-lora`, "model/lora.safetensors"));
    t.match(await inspectPath(model), { kind: "lora", option: "--lora" });
    const factors = readSafetensors(model);
    const modules = new Set(Object.keys(factors).map((key) => key.replace(/\.lora_[AB]\.weight$/, "")));
    t.ok(
      [...modules].every((each) => /\.(to_[qkv]|to_out\.0)$/.test(each) && each.startsWith(`${network}.`)),
    );
    const whole: Tensors = { ...readSafetensors(join(base, network, weightFile)) };
    for (const each of modules) {
      const [up, down] = [factors[`${each}.lora_B.weight`], factors[`${each}.lora_A.weight`]];
      const key = `${each.slice(network.length + 1)}.weight`;
      if (up && down && whole[key]) whole[key] = addLowRank(whole[key], up, down, 1);
    }
    const merged = join(folder, `${name}-merged`);
    rmSync(merged, { recursive: true, force: true });
    cpSync(base, merged, { recursive: true });
    writeSafetensors(join(merged, network, weightFile), whole);
    const made = await sample({ base, lora: model }, request);
    t.ok(largestDifference(made, await sample({ base: merged }, request)) <= 1, "as merged by hand");
    t.ok(largestDifference(made, await sample({ base }, request)) > 0, "and not as before");

    if (name === "picture" || name === "wan") return;
    await train({ ...changed, output: join(runs, `${name}-stopped`) }, { stopAt: 1 });
    const rest = await finish(t, `${name}-stopped`, changed, true);
    t.strictSame(rest.steps, steps.slice(1), "a run that was stopped goes on to the bit");
    t.equal(sha256(rest.model), sha256(model));
  });
}

t.test("svd: the network is told of each clip's own motion", async (t) => {
  // Steps this small move no weight, so that a step's loss is of its clip and of what the network is told alone.
  const still = { learningRate: 1e-30, weightDecay: 0 };
  const list = (name: string, cells: (number | string)[]) =>
    writeText(
      join(folder, "clips", `${name}.csv`),
      ["path,motion_bucket", ...cells.map((cell, i) => `${i}.webp,${cell}`)].join("\n"),
    );
  const lossesOf = async (name: string, cells: (number | string)[], objective: Recipe["objective"] = {}) => {
    const data = { ...recipes.svd.data, source: list(name, cells) };
    const recipe: Recipe = { ...recipes.svd, data, optimizer: still, objective, steps: 3 };
    const { error, events } = await train({ ...recipe, output: join(runs, name) });
    t.equal(error, undefined);
    return events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
  };
  const told = async (bucket: number) => lossesOf(`all-${bucket}`, ["", "", ""], { motionBucket: bucket });
  const [usual, little, much] = [await told(127), await told(20), await told(300)];
  t.equal(new Set([...usual, ...little, ...much]).size, 9, "every loss depends on it");
  const mixed = await lossesOf("mixed", [20, "", 300]);
  const whose = mixed.map((loss, i) => [usual, little, much].findIndex((losses) => losses[i] === loss));
  t.strictSame(whose.sort(), [0, 1, 2], "to the bit as where all clips are told the same");
  t.strictSame(await lossesOf("column", [20, 20, 20]), little, "in place of the objective's");
});

t.test("score distillation makes a LoRA of captions, and needs one", async (t) => {
  const recipe: Recipe = { ...recipes.cogvideox, kind: "distillation", lora: { rank: 2 } };
  const { model, steps } = await finish(t, "one-step", recipe);
  t.match(steps, [{ lossDistillation: Number }, { lossDistillation: Number }]);
  const request = { ...cogVideoXRequest("text"), steps: 1, guidanceScale: 1 };
  const made = await sample({ base: cogvideox, lora: model }, request);
  t.ok(largestDifference(made, await sample({ base: cogvideox }, request)) > 0);

  const { error } = await train({ ...recipe, lora: undefined, output: join(runs, "none") });
  t.match(error, {
    code: "ERR_INVALID_OPTION",
    message: /^lora is missing; it must be an object of rank and alpha where kind is "distillation"/,
  });
});

t.test("the whole network becomes a base folder, of pictures as films of one frame, too", async (t) => {
  const base = svd;
  const { model } = await finish(t, "svd", { ...recipes.svd, data: { ...recipes.svd.data, frames: 1 } });
  t.equal(model, resolve(runs, "svd/model/base"));
  const [before, after] = [base, model].map((each) => readSafetensors(join(each, "unet", weightFile)));
  t.strictSame(Object.keys(after ?? {}).sort(), Object.keys(before ?? {}).sort());
  t.ok(readFileSync(join(model, "vae", weightFile)).equals(readFileSync(join(base, "vae", weightFile))));
  const request = videoRequest();
  t.ok(largestDifference(await sample({ base: model }, request), await sample({ base }, request)) > 0);
});
