// Slow: it trains Wan to take subjects, and its VAE.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LoadOptions, Pipeline } from "cameo";
import t, { type Test } from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import type { Recipe } from "#ts/training/recipe.js";
import { largestDifference } from "../../support/low_rank.js";
import { readSafetensors } from "../../support/safetensors.js";
import { computed, sha256, train, writeClips } from "../../support/training_run.js";
import { wanRequest, writeWan } from "../../support/wan_model.js";

const folder = "build/fixtures/trainer_subjects_of_wan";
const runs = join(folder, "runs");
rmSync(runs, { recursive: true, force: true });
const source = await writeClips(join(folder, "clips"), 3);
const base = writeWan("trainer_subjects_of_wan/wan");

const recipe: Recipe = {
  kind: "phantom",
  model: { base },
  data: { source, frames: 5, stride: 2, size: [32, 16], references: { count: 2 } },
  objective: { alpha: 0.01, beta: 0.1 },
  optimizer: { learningRate: 2e-2 },
  steps: 3,
  device: "cpu",
  output: runs,
};

async function finish(t: Test, name: string, changes: Partial<Recipe> = {}, resume = false) {
  const output = join(runs, name);
  const { events, error } = await train({ ...recipe, ...changes, output }, { resume });
  t.equal(error, undefined);
  const last = events.at(-1);
  return { model: last?.type === "done" ? last.model : "", steps: computed(events), events };
}

const reference = { data: new Uint8Array(3 * 16 * 16).fill(90), width: 16, height: 16 };
const { guidanceScale: _, ...shape } = wanRequest();

async function sample(model: LoadOptions): Promise<Uint8Array> {
  await using pipe = await Pipeline.load({ ...model, device: "cpu", dtype: "fp32" });
  t.equal(pipe.describe().subject, true);
  return (await pipe.sample({ ...shape, reference: [reference, reference] })).frames;
}

t.test("what is trained is a subject for its base, and is sampled with on the way", async (t) => {
  const requests = [{ ...shape, reference: [reference], steps: 1, seed: 3 }];
  const { model, steps, events } = await finish(t, "whole", {
    validation: { every: 3, requests, format: "gif" },
  });
  t.match(steps, new Array(3).fill({ lossVideo: Number, lossReference: Number }));
  t.match(events.filter(({ type }) => type === "validation").length, 1);
  t.match(await inspectPath(model), { option: "--subject" });
  const film = await sample({ base, subject: model });
  t.equal(film.length, 3 * shape.width * shape.height * (shape.frames ?? 81));

  const more = await finish(t, "more", { model: { base, subject: model }, lora: { rank: 2 }, steps: 2 });
  t.match(more.model, /model\/lora\.safetensors$/);
  const adapted = await sample({ base, subject: model, lora: more.model });
  t.ok(largestDifference(adapted, film) > 0, "its adapters go on top of it");
});

t.test("latents and states that were kept make the run that there is without", async (t) => {
  const cache = { folder: join(folder, "kept") };
  rmSync(cache.folder, { recursive: true, force: true });
  const cached = { data: { ...recipe.data, cache }, steps: 6, seed: 4 };
  const first = await finish(t, "first", cached);
  const kept = () =>
    readdirSync(cache.folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      /safetensors$/.test(name),
    );
  const files = kept();
  const contents = files.map((name) => Object.keys(readSafetensors(join(cache.folder, name))).join());
  t.ok(contents.includes("mean,log_variance") && contents.includes("states"), `${contents}`);
  const again = await finish(t, "again", cached);
  t.strictSame(again.steps, first.steps, "read instead of computed");
  t.equal(sha256(again.model), sha256(first.model));
  for (const name of kept()) writeFileSync(join(cache.folder, name), "damaged");
  const mended = await finish(t, "mended", cached);
  t.strictSame(mended.steps, first.steps, "what is damaged is made anew");
  t.equal(kept().length, files.length);
});

t.test("a run that was stopped goes on to the bit", async (t) => {
  const { steps, model } = await finish(t, "through");
  await train({ ...recipe, output: join(runs, "stopped") }, { stopAt: 1 });
  const rest = await finish(t, "stopped", {}, true);
  t.strictSame(rest.steps, steps.slice(1));
  t.equal(sha256(rest.model), sha256(model));
});

t.test("references are needed to be told of, and other kinds' fields are refused", async (t) => {
  const refused = async (changes: object, message: RegExp) => {
    const { error } = await train({ ...recipe, ...changes, output: join(runs, "none") } as Recipe);
    t.match(error, { code: "ERR_INVALID_OPTION", message });
  };
  await refused(
    { data: { ...recipe.data, frames: 6 } },
    /^data\.frames: 6 is not allowed; this model learns on 1, /,
  );
  const subjects = { count: 2 };
  await refused(
    { data: { ...recipe.data, references: { subjects } } },
    /^data\.references\.subjects is not for kind "phantom"; leave it out/,
  );
  await refused({ objective: { minSnrGamma: 5 } }, /^objective\.minSnrGamma is not for kind "phantom"/);
});

t.test("the VAE learns on films, and its base gets the latents' means and deviations", async (t) => {
  const { references: __, ...data } = recipe.data;
  const vae: Partial<Recipe> = { kind: "film-vae", data: { ...data, frames: 9, stride: 1 }, objective: {} };
  const { model, steps } = await finish(t, "vae", { ...vae, steps: 12, optimizer: { learningRate: 5e-3 } });
  const losses = (steps as { lossReconstruction: number }[]).map(
    ({ lossReconstruction }) => lossReconstruction,
  );
  t.ok((losses.at(-1) ?? 1) < (losses[0] ?? 0), `${losses}`);
  const config = JSON.parse(readFileSync(join(model, "vae/config.json"), "utf8"));
  t.equal(config.latents_mean.length, config.z_dim);
  t.ok(config.latents_std.every((deviation: number) => deviation > 0));
  await using pipe = await Pipeline.load({ base: model, device: "cpu", dtype: "fp32" });
  t.equal((await pipe.sample(wanRequest())).frames.length > 0, true);
});
