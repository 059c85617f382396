// Slow: it trains.
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { Trainer } from "cameo";
import t from "tap";
import type { Recipe } from "#ts/training/recipe.js";
import { computed, outline, sha256, train, writeTrainingSet } from "../../support/training_run.js";

const set = await writeTrainingSet("trainer_moved");
const { base, motion = "", subject = "" } = set.model;

/** A project of its own with all that a run needs, and a recipe of relative paths. */
function project(name: string) {
  const folder = join("build/fixtures/trainer_moved", name);
  rmSync(folder, { recursive: true, force: true });
  const place = (path: string, as: string) => {
    cpSync(path, join(folder, as), { recursive: true });
    return as;
  };
  const recipe: Recipe = {
    ...set,
    model: {
      base: place(base, "models/base"),
      motion: place(motion, "models/motion"),
      subject: place(subject, join("models", basename(subject))),
    },
    data: { ...set.data, source: place(set.data.source, "clips") },
    output: "runs/box",
  };
  writeFileSync(join(folder, "box.json"), JSON.stringify(recipe));
  return { folder, recipe: join(folder, "box.json"), run: join(folder, "runs", "box") };
}

const modelOf = (run: string) => join(run, "model", "subject.safetensors");
const whole = project("whole");
const uninterrupted = await train(whole.recipe);

for (const [what, recipeOf] of [
  ["the recipe", (folder: string) => join(folder, "box.json")],
  ["its folder's recipe.json", (folder: string) => join(folder, "runs", "box", "recipe.json")],
] as const) {
  t.test(`a run that was moved with all that it is of goes on by ${what}`, async (t) => {
    const { folder, recipe } = project("before");
    const before = await train(recipe, { stopAt: 2 });
    t.equal(before.error?.code, "ERR_ABORTED");
    const moved = `${folder}-and-after`;
    rmSync(moved, { recursive: true, force: true });
    // A copy, whose files have other times of change.
    cpSync(folder, moved, { recursive: true });
    rmSync(folder, { recursive: true });
    const after = await train(recipeOf(moved), { resume: true });
    t.equal(after.error, undefined);
    t.strictSame(computed([...before.events, ...after.events]), computed(uninterrupted.events));
    t.match(after.events.at(-1), { model: resolve(modelOf(join(moved, "runs", "box"))) });
    t.equal(sha256(modelOf(join(moved, "runs", "box"))), sha256(modelOf(whole.run)));
  });
}

t.test("a run's folder that was moved alone goes on where it is now", async (t) => {
  const { folder, recipe, run } = project("alone");
  await train(recipe, { stopAt: 2 });
  const moved = join(folder, "runs", "box-of-march");
  renameSync(run, moved);
  const { events } = await train(join(moved, "recipe.json"), { resume: true });
  t.same(outline(events), ["step 3", "step 4", "checkpoint 4", "done 4"]);
});

t.test("one that still names its old place does not start anew there", async (t) => {
  const { folder, recipe, run } = project("old-place");
  await train(recipe, { stopAt: 2 });
  const moved = join(folder, "runs", "moved");
  renameSync(run, moved);
  const path = join(moved, "recipe.json");
  const written = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...written, output: resolve(run) }));
  await t.rejects(Trainer.open(path, { resume: true }), {
    code: "ERR_CHECKPOINT",
    message: `output "${resolve(run)}" has no checkpoint, but the recipe's own folder has: to go on with those, write "output": "." into "${path}"`,
  });
});

t.test("weights that are others are named, wherever they lie", async (t) => {
  const { folder, recipe } = project("other-weights");
  await train(recipe, { stopAt: 2 });
  const path = join(folder, "models", "base", "vae", "diffusion_pytorch_model.safetensors");
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 2) ^ 1, bytes.length - 2);
  writeFileSync(path, bytes);
  const { error } = await train(recipe, { resume: true });
  t.equal(error?.code, "ERR_CHECKPOINT");
  t.match(error?.message, `is of another run: ${resolve(path)} changed; undo that`);
});

t.test("a checkpoint that does not say what its weights were is of another version", async (t) => {
  const { recipe, run } = project("older-version");
  await train(recipe, { stopAt: 2 });
  const path = join(run, "checkpoints", "step-00000002.safetensors");
  const bytes = readFileSync(path);
  const place = bytes.indexOf('weights\\":[');
  t.ok(place > 0);
  bytes.write("weightz", place);
  writeFileSync(path, bytes);
  const { error } = await train(recipe, { resume: true });
  t.equal(error?.code, "ERR_CHECKPOINT");
  t.match(error?.message, `${resolve(path)} is of another version of cameo (it does not say which weights`);
});

t.test("how many steps are done is told when a run is opened", async (t) => {
  const { recipe } = project("opened");
  {
    await using trainer = await Trainer.open(recipe, { resume: true });
    t.equal(trainer.step, 0, "there is nothing yet to resume");
  }
  await train(recipe, { stopAt: 2 });
  await using trainer = await Trainer.open(recipe, { resume: true });
  t.equal(trainer.step, 2);
});
