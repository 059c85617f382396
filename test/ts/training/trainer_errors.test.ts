// Slow: it trains.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CameoError, Trainer } from "cameo";
import t, { type Test } from "tap";
import type { TrainingEvent } from "#ts/training/events.js";
import type { Recipe } from "#ts/training/recipe.js";
import { descendantsOf, isRunning, until } from "../../support/processes.js";
import { dtypesOf, readSafetensors } from "../../support/safetensors.js";
import {
  cutInHalf,
  leftovers,
  outline,
  recordedSteps,
  train,
  writeClips,
  writeRecipe,
  writeTrainingSet,
} from "../../support/training_run.js";
import { writeText } from "../data/helpers.js";

const folder = "build/fixtures/trainer_errors";
const set: Recipe = { ...(await writeTrainingSet("trainer_errors")), checkpoints: { every: 2 } };

/** The recipe with changes, in an output of its own. */
function recipeFor(name: string, changes: Partial<Recipe> = {}): Recipe {
  const output = join(folder, name);
  rmSync(output, { recursive: true, force: true });
  return { ...set, ...changes, output };
}

async function fails(t: Test, work: Promise<unknown>, code: string, message: RegExp | string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason) => reason as CameoError,
  );
  t.ok(error instanceof CameoError, String(error));
  t.equal(error?.code, code);
  t.match(error?.message, message);
  t.notMatch(error?.message, "\n");
}

const opening = (recipe: Recipe, resume = false) =>
  Trainer.open(recipe, { resume }).then((trainer) => trainer.close());

const used = recipeFor("used");
await train(used);
const checkpoint = (step: number) => join(used.output, "checkpoints", `step-0000000${step}.safetensors`);

t.test("an output that has a run in it is not written over", async (t) => {
  await fails(
    t,
    opening(used),
    "ERR_CHECKPOINT",
    `"${resolve(used.output)}" has a run in it already: resume it (--resume, in a program resume: true), or name`,
  );
  t.same(recordedSteps(used.output), [1, 2, 3, 4]);
});

t.test("a resume says what was changed", async (t) => {
  const faster = { ...used, optimizer: { learningRate: 1e-2 }, batch: 2, ema: 0.9 };
  await fails(
    t,
    opening(faster, true),
    "ERR_CHECKPOINT",
    /step-00000004\.safetensors is of another run: optimizer\.learningRate \([\d.]+ then, 0\.01 now\), batch \(1 then, 2 now\), ema \(none then, 0\.9 now\) changed; undo/,
  );
  const caption = join(set.data.source, "0.txt");
  const before = readFileSync(caption);
  t.teardown(() => writeFileSync(caption, before));
  writeFileSync(caption, "another caption");
  await fails(
    t,
    opening(used, true),
    "ERR_CHECKPOINT",
    /is of another run: the clips or captions of the data set changed; undo/,
  );
});

t.test("a damaged checkpoint is named, and an older one goes on without it", async (t) => {
  const newest = readFileSync(checkpoint(4));
  t.teardown(() => writeFileSync(checkpoint(4), newest));
  const message = `${resolve(checkpoint(4))} is not a whole checkpoint of a training run; remove it`;
  cutInHalf(checkpoint(4));
  await fails(t, opening(used, true), "ERR_CHECKPOINT", message);
  writeFileSync(checkpoint(4), "");
  await fails(t, opening(used, true), "ERR_CHECKPOINT", message);
  rmSync(checkpoint(4));
  const { events } = await train(used, { resume: true });
  t.same(outline(events), ["step 3", "step 4", "checkpoint 4", "done 4"]);
});

t.test("an output that can't be made is named", async (t) => {
  const output = join(used.output, "recipe.json", "run");
  const { error } = await train({ ...set, output });
  t.equal(error?.code, "ERR_CHECKPOINT");
  const inTheWay = resolve(used.output, "recipe.json");
  t.match(
    error?.message,
    `output "${resolve(output)}" can't be made: ${inTheWay} is no folder; choose another`,
  );
});

t.test("a checkpoint that does not fit on the disk ends the run and leaves nothing", async (t) => {
  const full = recipeFor("full");
  const path = writeRecipe(full, join(folder, "full.json"));
  // A limit on a file's size stands in for a disk's. The runner's options would have its signal end the process.
  const command = `env -u NODE_OPTIONS "${process.execPath}" dist/cli/main.js train ${path} --quiet`;
  const script = `trap "" XFSZ; ulimit -f 300; exec ${command}`;
  const child = spawn("bash", ["-c", script], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  t.equal(code, 1);
  t.match(stderr, /^cameo: could not write .*step-00000002\.safetensors: [^\n]+\n$/);
  t.same(leftovers(full.output), []);
  t.same(readdirSync(join(full.output, "checkpoints")), []);
  const { events } = await train(full, { resume: true });
  t.equal(outline(events).at(-1), "done 4");
});

t.test("a recipe that asks for what the networks can't do is refused before it starts", async (t) => {
  const frames = (count: number) => recipeFor("frames", { data: { ...set.data, frames: count } });
  const most =
    /^data\.frames: 16 is not allowed; it must be at most 15 with these motion modules and 1 reference$/;
  await fails(t, opening(frames(16)), "ERR_INVALID_OPTION", most);
  await opening(frames(15));
  const glob = recipeFor("glob", { trained: ["*.attn9.*"] });
  await fails(t, opening(glob), "ERR_INVALID_OPTION", /^trained: no parameter matches "\*\.attn9\.\*"/);
});

t.test("sizes that the networks halve unevenly are trained on", async (t) => {
  const { events } = await train(recipeFor("odd", { data: { ...set.data, size: [72, 40] }, steps: 2 }));
  t.same(outline(events), ["step 1", "step 2", "checkpoint 2", "done 2"]);
});

t.test("a clip that can't be read is reported once, and the run goes on", async (t) => {
  const source = await writeClips(join(folder, "broken"), 3);
  writeText(join(source, "1.webp"), "not a film");
  const { events } = await train(recipeFor("skip", { data: { ...set.data, source }, steps: 6 }));
  const skips = events.filter((event) => event.type === "skip");
  t.match(skips, [{ clip: join(resolve(source), "1.webp"), reason: { code: "ERR_DATASET" } }]);
  t.equal(skips.length, 1);
  t.equal(outline(events).at(-1), "done 6");

  for (const name of ["0.webp", "2.webp"]) writeText(join(source, name), "not a film");
  const { error } = await train(recipeFor("unreadable", { data: { ...set.data, source } }));
  t.equal(error?.code, "ERR_DATASET");
  t.match(error?.message, `data ${resolve(source)}: none of its clips can be read; `);
});

t.test("clips that vanish end the run, which keeps what was done", async (t) => {
  const source = await writeClips(join(folder, "vanishing"), 2);
  const recipe = recipeFor("vanished", {
    data: { ...set.data, source },
    steps: 50,
    checkpoints: { every: 50 },
  });
  await using trainer = await Trainer.open(recipe);
  const events: TrainingEvent[] = [];
  await fails(
    t,
    (async () => {
      for await (const event of trainer.run()) {
        events.push(event);
        if (event.type === "step" && event.step === 1) rmSync(source, { recursive: true });
      }
    })(),
    "ERR_DATASET",
    /none of its clips can be read/,
  );
  const done = events.filter(({ type }) => type === "step").length;
  t.match(events.at(-1), { type: "checkpoint", step: done });
});

t.test("a trainer runs once at a time, and not once it is closed", async (t) => {
  const trainer = await Trainer.open(recipeFor("busy"));
  const first = trainer.run();
  await first.next();
  await fails(t, trainer.run().next(), "ERR_BUSY", "the trainer is running");
  const next = fails(t, first.next(), "ERR_CLOSED", "the trainer was closed before the run was done");
  await trainer.close();
  await next;
  await fails(t, trainer.run().next(), "ERR_CLOSED", "the trainer is closed");
  await trainer.close();
  t.same(recordedSteps(join(folder, "busy")), [1]);
});

t.test("it can be closed at any moment", async (t) => {
  for (const milliseconds of [0, 1, 5, 20, 60, 150, 400]) {
    const trainer = await Trainer.open(recipeFor("closing", { steps: 1000, checkpoints: { every: 1 } }));
    const run = (async () => {
      for await (const _ of trainer.run());
    })();
    const ended = fails(t, run, "ERR_CLOSED", "the trainer was closed before the run was done");
    await sleep(milliseconds);
    await trainer.close();
    await ended;
    t.same(leftovers(join(folder, "closing")), []);
  }
});

t.test("a run that is aborted before it starts does nothing", async (t) => {
  const recipe = recipeFor("aborted");
  const signal = AbortSignal.abort();
  await fails(t, Trainer.open(recipe, { signal }), "ERR_ABORTED", "the operation was aborted");
  await using trainer = await Trainer.open(recipe);
  await fails(t, trainer.run({ signal }).next(), "ERR_ABORTED", "the operation was aborted");
  for await (const event of trainer.run()) if (event.type === "step") break;
});

t.test("a run that is left can be gone on with", async (t) => {
  await using trainer = await Trainer.open(recipeFor("left"));
  for await (const event of trainer.run()) if (event.type === "step" && event.step === 3) break;
  const rest: TrainingEvent[] = [];
  for await (const event of trainer.run()) rest.push(event);
  t.same(outline(rest), ["step 4", "checkpoint 4", "done 4"]);
});

t.test("a run that is left where a clip was left out can be gone on with, too", async (t) => {
  const clips = join(folder, "some-broken");
  rmSync(clips, { recursive: true, force: true });
  await writeClips(clips, 4);
  writeText(join(clips, "broken.mp4"), "no film");
  writeText(join(clips, "broken.txt"), "a broken film");
  const recipe = recipeFor("left-at-skip", { data: { ...set.data, source: clips } });
  await using trainer = await Trainer.open(recipe);
  let done = 0;
  for await (const event of trainer.run()) {
    if (event.type === "skip") break;
    if (event.type === "step") done = event.step;
  }
  const rest: TrainingEvent[] = [];
  for await (const event of trainer.run()) rest.push(event);
  t.equal(outline(rest)[0], `step ${done + 2}`, "the step that the clip was left out of is done");
  t.same(recordedSteps(recipe.output), [1, 2, 3, 4]);
});

t.test("two runs don't write into one folder", async (t) => {
  const recipe = recipeFor("locked");
  await using first = await Trainer.open(recipe);
  await using second = await Trainer.open(recipe);
  const events = first.run();
  await events.next();
  await fails(
    t,
    second.run().next(),
    "ERR_BUSY",
    /^output ".*locked": another process \(\d+ on \S+\) is training there; wait/,
  );
  for await (const _ of events);
  t.same(recordedSteps(recipe.output), [1, 2, 3, 4]);
  t.notOk(existsSync(join(recipe.output, "run.lock")));
});

t.test("a cache that can't be written ends the run with a checkpoint", async (t) => {
  const cache = join(folder, "cache");
  rmSync(cache, { recursive: true, force: true });
  const changes = {
    steps: 1000,
    checkpoints: { every: 1000 },
    data: { ...set.data, cache: { folder: cache, variants: 50 } },
  };
  const recipe = recipeFor("cache-blocked", changes);
  await using trainer = await Trainer.open(recipe);
  const events: TrainingEvent[] = [];
  const run = async () => {
    for await (const event of trainer.run()) {
      events.push(event);
      if (event.type !== "step" || event.step !== 2) continue;
      rmSync(cache, { recursive: true });
      writeFileSync(cache, "in the way");
    }
  };
  await fails(t, run(), "ERR_CHECKPOINT", cache);
  t.match(outline(events).at(-1), /^checkpoint [2-9]/);
});

t.test("process.exit ends a process that trains, and its workers", async (t) => {
  const recipe = recipeFor("exit", { steps: 1000 });
  const script = `
    import { Trainer } from "cameo";
    const trainer = await Trainer.open(${JSON.stringify(recipe)});
    for await (const event of trainer.run()) if (event.step === 2) setTimeout(() => process.exit(7), 100);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
  const closed = once(child, "close");
  let workers: number[] = [];
  await until(() => {
    workers = descendantsOf(child.pid as number);
    return workers.length === 2;
  });
  t.equal((await closed)[0], 7);
  await until(() => !workers.some(isRunning));
});

t.test("steps whose gradient is not finite change nothing", async (t) => {
  const recipe = recipeFor("overflow", { optimizer: { learningRate: 1e25 }, ema: 0.99, steps: 6 });
  const { events, error } = await train(recipe);
  t.equal(error, undefined);
  const skipped = events.flatMap((event) => (event.type === "step" ? [event.skipped] : []));
  t.same(skipped, [false, true, true, true, true, true]);
  t.same(recordedSteps(recipe.output), [1, 2, 3, 4, 5, 6]);
  const model = readSafetensors(join(recipe.output, "model", "subject.safetensors"));
  const saved = readSafetensors(join(recipe.output, "checkpoints", "step-00000006.safetensors"));
  const values = [...Object.values(model), ...Object.values(saved)].flatMap(({ data }) => Array.from(data));
  t.ok(values.every(Number.isFinite), "no weight, moment or average is lost");
});

t.test("a weight that the model's type can't hold is named, and another type can be taken", async (t) => {
  const recipe = recipeFor("half", { optimizer: { learningRate: 1e6 }, steps: 1, modelDtype: "fp16" });
  const { events, error } = await train(recipe);
  t.same(outline(events), ["step 1", "checkpoint 1"]);
  t.equal(error?.code, "ERR_INVALID_OPTION");
  t.match(
    error?.message,
    /^modelDtype: \S+ has a value of 1\.\d+e\+06, which fp16 can't hold; set it to fp32/,
  );
  const model = join(recipe.output, "model", "subject.safetensors");
  t.notOk(existsSync(model));
  const again = await train({ ...recipe, modelDtype: "bf16" }, { resume: true });
  t.same(outline(again.events), ["done 1"]);
  t.same(dtypesOf(model), ["BF16"]);
});

const pixels = { data: new Uint8Array(3 * 64 * 64).fill(90), width: 64, height: 64 };

t.test("validation is checked before the run, and one that fails ends it with a checkpoint", async (t) => {
  const requests = [
    { prompt: "a box", reference: "no-such.png", frames: 4, steps: 1, width: 64, height: 64 },
  ];
  const missing = recipeFor("validation", { validation: { every: 3, requests } });
  await fails(t, opening(missing), "ERR_INVALID_IMAGE", /^validation\.requests\[0\]: .*no-such\.png/);

  const valid = { every: 3, requests: [{ ...requests[0], prompt: "a box", reference: pixels }] };
  const blocked = recipeFor("blocked", { validation: valid, checkpoints: { every: 100 } });
  writeText(join(blocked.output, "validation"), "in the way");
  const { events, error } = await train(blocked);
  t.equal(error?.code, "ERR_MEDIA");
  t.match(error?.message, /validation.step-00000003 can't be made: .*; remove what is in its way/);
  t.same(outline(events), ["step 1", "step 2", "step 3", "checkpoint 3"]);

  rmSync(join(blocked.output, "validation"));
  const rest = await train(blocked, { resume: true });
  t.same(outline(rest.events), [...["validation 3", "step 4", "checkpoint 4", "validation 4", "done 4"]]);
  for (const step of ["step-00000003", "step-00000004"])
    t.same(readdirSync(join(blocked.output, "validation", step)), ["1.mp4"]);
});

t.test("a resumed run makes the validation that it was interrupted in", async (t) => {
  const requests = [{ prompt: "a box", frames: 4, steps: 1, width: 64, height: 64, reference: pixels }];
  const twice = [requests[0], { ...requests[0], prompt: "another box" }] as typeof requests;
  const run = recipeFor("interrupted-validation", {
    validation: { every: 2, requests: twice, format: "png" },
  });
  const first = await train(run);
  t.equal(first.error, undefined);
  const again = async () => outline((await train(run, { resume: true })).events);
  t.same(await again(), ["done 4"], "what is there is not made again");
  const [folder, earlier] = [4, 2].map((step) => join(run.output, "validation", `step-0000000${step}`));
  const names = readdirSync(folder as string);
  for (const name of names.filter((name) => name.startsWith("2-"))) rmSync(join(folder as string, name));
  rmSync(earlier as string, { recursive: true });
  t.same(await again(), ["validation 4", "done 4"]);
  t.same(readdirSync(folder as string), names);
  t.notOk(existsSync(earlier as string), "older ones are not made from newer weights");
});

t.test("options that are none, or unknown, are typed errors", async (t) => {
  const code = "ERR_INVALID_OPTION";
  const nothing = /^the options must be an object, not null$/;
  await fails(t, Trainer.open(set, null as never), code, nothing);
  await fails(t, Trainer.open(null as never), code, /not null$/);
  await fails(
    t,
    Trainer.open(set, { resum: true } as never),
    code,
    "resum is not an option; did you mean resume?",
  );
  await using trainer = await Trainer.open(recipeFor("options"));
  await fails(t, trainer.run(null as never).next(), code, nothing);
  await fails(t, trainer.run({ signal: 7 } as never).next(), code, /^signal: 7 is not allowed/);
});
