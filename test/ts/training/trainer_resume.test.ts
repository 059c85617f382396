// Slow: it trains.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Recipe } from "#ts/training/recipe.js";
import {
  computed,
  leftovers,
  outline,
  recordedSteps,
  sha256,
  train,
  vaeRecipe,
  writeTrainingSet,
} from "../../support/training_run.js";

const recipe: Recipe = {
  ...(await writeTrainingSet("trainer_resume")),
  steps: 10,
  accumulation: 2,
  ema: 0.99,
  objective: { dropCondition: 0.3 },
  optimizer: { learningRate: 1e-3, warmup: 2, schedule: "cosine" },
  checkpoints: { every: 3, keep: 2 },
};

const modelOf = ({ output }: Recipe) => join(output, "model", "subject.safetensors");

const whole = { ...recipe, output: `${recipe.output}-whole` };
rmSync(whole.output, { recursive: true, force: true });
const uninterrupted = await train(whole);

/** A copy of the recipe whose output is empty. */
function inOutput(name: string): Recipe {
  const output = `${recipe.output}-${name}`;
  rmSync(output, { recursive: true, force: true });
  return { ...recipe, output };
}

t.test("runs from its first step to its model", async (t) => {
  t.equal(uninterrupted.error, undefined);
  t.same(outline(uninterrupted.events), [
    ...["step 1", "step 2", "step 3", "checkpoint 3"],
    ...["step 4", "step 5", "step 6", "checkpoint 6"],
    ...["step 7", "step 8", "step 9", "checkpoint 9"],
    ...["step 10", "checkpoint 10", "done 10"],
  ]);
  t.match(uninterrupted.events.at(-1), { model: modelOf(whole).replace(/^/, `${process.cwd()}/`) });
  t.same(readdirSync(join(whole.output, "checkpoints")).sort(), [
    "step-00000009.safetensors",
    "step-00000010.safetensors",
  ]);
  t.same(leftovers(whole.output), []);
});

t.test("aborted and resumed, it computes what it would have, to the last bit", async (t) => {
  const interrupted = inOutput("aborted");
  const before = await train(interrupted, { stopAt: 4 });
  t.equal(before.error?.code, "ERR_ABORTED");
  t.equal(before.events.at(-1)?.type, "checkpoint");
  const after = await train(interrupted, { resume: true });
  t.equal(after.error, undefined);
  t.strictSame(computed([...before.events, ...after.events]), computed(uninterrupted.events));
  t.equal(sha256(modelOf(interrupted)), sha256(modelOf(whole)));
  t.same(
    recordedSteps(interrupted.output),
    Array.from({ length: 10 }, (_, i) => i + 1),
  );
});

t.test("so does a run that goes back to an older checkpoint", async (t) => {
  const interrupted = inOutput("older");
  const before = await train(interrupted, { stopAt: 7 });
  t.same(outline(before.events).slice(-3), ["checkpoint 6", "step 7", "checkpoint 7"]);
  rmSync(join(interrupted.output, "checkpoints", "step-00000007.safetensors"));
  const after = await train(interrupted, { resume: true });
  t.strictSame(computed(after.events), computed(uninterrupted.events).slice(6));
  t.equal(sha256(modelOf(interrupted)), sha256(modelOf(whole)));
  t.same(
    recordedSteps(interrupted.output),
    Array.from({ length: 10 }, (_, i) => i + 1),
  );
});

t.test("what a run computes does not depend on its workers", async (t) => {
  const other = { ...inOutput("workers"), data: { ...recipe.data, workers: 1, prefetch: 1 } };
  const { events } = await train(other);
  t.strictSame(computed(events), computed(uninterrupted.events));
  t.equal(sha256(modelOf(other)), sha256(modelOf(whole)));
});

t.test("so does a VAE's run, whose model says how large its latents are", async (t) => {
  const { objective: _, ...vae } = vaeRecipe({ ...recipe, steps: 5 });
  const [aborted, uninterrupted] = ["vae-aborted", "vae-whole"].map((name) => ({
    ...vae,
    output: inOutput(name).output,
  })) as [Recipe, Recipe];
  const whole = await train(uninterrupted);
  t.equal(whole.error, undefined);
  const before = await train(aborted, { stopAt: 2 });
  const after = await train(aborted, { resume: true });
  t.strictSame(computed([...before.events, ...after.events]), computed(whole.events));
  for (const file of ["config.json", "diffusion_pytorch_model.safetensors"]) {
    const path = join("model", "base", "vae", file);
    t.equal(sha256(join(aborted.output, path)), sha256(join(uninterrupted.output, path)), file);
  }
});

t.test("a run that is done writes its model again, and nothing else", async (t) => {
  const before = sha256(modelOf(whole));
  rmSync(modelOf(whole));
  const { events } = await train(whole, { resume: true });
  t.same(outline(events), ["done 10"]);
  t.equal(sha256(modelOf(whole)), before);
});
