// Slow: it trains, in processes that are interrupted.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "tap";
import type { Recipe } from "#ts/training/recipe.js";
import { cameo, events, startCameo } from "../../support/command.js";
import { descendantsOf, isRunning, until } from "../../support/processes.js";
import { recordedSteps, writeClips, writeRecipe, writeTrainingSet } from "../../support/training_run.js";
import { writeWan } from "../../support/wan_model.js";
import { writeText } from "../data/helpers.js";

const folder = "build/fixtures/cli_train";
const set = await writeTrainingSet("cli_train");
const reference = join(folder, "me.png");
await cameo([
  ...["sample", "--base", set.model.base, "--device", "cpu", "--prompt", "a box", "--size", "64x64"],
  ...["--frames", "1", "--steps", "1", "-o", reference],
]);

/** A recipe's file, and what the run writes. */
function recipe(name: string, changes: Partial<Recipe> = {}) {
  const output = resolve(folder, name);
  rmSync(output, { recursive: true, force: true });
  const path = writeRecipe({ ...set, ...changes, output }, join(folder, `${name}.json`));
  return { path, output, model: join(output, "model", "subject.safetensors") };
}

const request = {
  prompt: "a box",
  reference: resolve(reference),
  frames: 4,
  steps: 1,
  width: 64,
  height: 64,
};

test("--help says how it is used", async (t) => {
  const { code, stdout } = await cameo(["train", "--help"]);
  t.equal(code, 0);
  t.match(stdout, /^Usage: cameo train \[options\] <recipe>$/m);
  for (const text of ["--resume", "--nproc <n>", "--json", "--quiet", "Examples:", "Ctrl-C saves"]) {
    t.match(stdout, text);
  }
});

test("wrong usage is one line, and exit code 2", async (t) => {
  const { path } = recipe("usage", { trained: ["*.attn9.*"] });
  const cases: [args: string[], message: RegExp][] = [
    [[], /missing required argument 'recipe'/],
    [[path, "--resum"], /unknown option '--resum'/],
    [[path, "--nproc", "0"], /--nproc: 0 is not allowed; it must be a whole number from 1 to 64/],
    [["no-such.jsonc"], /recipe "no-such\.jsonc": no such file; check the path/],
    [[path], /recipe ".*usage\.json": trained: no parameter matches/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await cameo(["train", ...args]);
    t.equal(code, 2, stderr);
    t.equal(stdout, "");
    const lines = stderr.trim().split("\n");
    t.match(lines.at(-1), message);
    t.match(lines.at(-1), /^cameo: /);
  }
});

test("--json prints each event on a line, and nothing else", async (t) => {
  const source = await writeClips(join(folder, "clips-and-one-more"));
  writeText(join(source, "9.webp"), "not a film");
  writeText(join(source, "9.txt"), "a film that is none");
  const { path, output, model } = recipe("json", {
    data: { ...set.data, source },
    steps: 6,
    checkpoints: { every: 4 },
    validation: { every: 3, requests: [request], format: "png" },
  });
  const finished = await cameo(["train", path, "--json"]);
  t.equal(finished.code, 0);
  t.equal(finished.stderr, "");
  const printed = events(finished).filter(({ event }) => event !== "progress");
  const skip = printed.find(({ event }) => event === "skip");
  t.match(skip, { clip: join(resolve(source), "9.webp"), reason: /9\.webp/ });
  t.same(
    printed.filter((event) => event !== skip).map(({ event, step }) => `${event} ${step}`),
    [
      ...["start 0", "step 1", "step 2", "step 3", "checkpoint 3", "validation 3", "step 4", "checkpoint 4"],
      ...["step 5", "step 6", "checkpoint 6", "validation 6", "done 6"],
    ],
  );
  t.match(
    printed.find(({ event }) => event === "step"),
    {
      ...{ step: 1, steps: 6, epoch: 0, loss: Number, learningRate: 1e-3, gradientNorm: Number },
      skipped: false,
      ...(existsSync("/proc/self/schedstat") && { coreWaitShare: Number }),
    },
  );
  t.match(printed.at(-1), { model });
  const folderOf = (step: number) => join(output, "validation", `step-0000000${step}`);
  t.match(
    printed.filter(({ event }) => event === "validation"),
    [3, 6].map((step) => ({ paths: [0, 1, 2, 3].map((i) => join(folderOf(step), `1-00${i}.png`)) })),
  );
  t.ok(existsSync(model));
});

test("networks that are drawn are named", async (t) => {
  const model = writeWan("cli_train/wan");
  for (const file of ["transformer/diffusion_pytorch_model", "text_encoder/model"]) {
    rmSync(join(model, `${file}.safetensors`));
  }
  const { path } = recipe("drawn", {
    ...{ kind: "wan", model: { base: model }, steps: 1 },
    data: { source: set.data.source, frames: 5, stride: 2, size: [32, 16] },
  });
  const { code, stderr } = await cameo(["train", path]);
  t.equal(code, 0, stderr);
  t.match(stderr, /^drawn, as their folders have no weights: text_encoder, transformer$/m);
});

test("clips that are left out are named, and summed up once all had their turn", async (t) => {
  const source = await writeClips(join(folder, "clips-some-broken"));
  for (const name of ["8", "9"]) {
    writeText(join(source, `${name}.webp`), "not a film");
    writeText(join(source, `${name}.txt`), "a film that is none");
  }
  writeText(join(source, "without.webp"), "not a film");
  const { path } = recipe("left-out", { data: { ...set.data, source }, steps: 8 });
  const { code, stderr } = await cameo(["train", path]);
  t.equal(code, 0);
  const lines = stderr.split("\n").filter((line) => line.includes("left out"));
  t.equal(lines.length, 4, stderr);
  t.match(lines[0], /^left out: .*without\.webp: it has no caption; write one to .*without\.txt$/);
  for (const name of ["8", "9"])
    t.match(lines.slice(1, 3).join("\n"), new RegExp(`^left out: .*${name}\\.webp`, "m"));
  t.match(lines[3], /^4 of 7 clips are used; left out: without\.webp, [89]\.webp, [89]\.webp$/);
});

test("without --json, progress is on stderr and the model on stdout", async (t) => {
  const { path, output, model } = recipe("plain");
  const { code, stdout, stderr } = await cameo(["train", path]);
  t.equal(code, 0);
  t.equal(stdout, `${model}\n`);
  t.match(stderr, /^step 4 of 4: loss [\d.]+, .* left, [\d.]+ GiB/m);
  t.match(stderr, `checkpoint: ${join(output, "checkpoints", "step-00000004.safetensors")}\n`);
});

test("--quiet prints the model alone", async (t) => {
  const { path, model } = recipe("quiet");
  t.match(await cameo(["train", path, "--quiet"]), { code: 0, stdout: `${model}\n`, stderr: "" });
});

test("Ctrl-C saves a checkpoint, and --resume goes on from it", async (t) => {
  const { path, output, model } = recipe("interrupted", { steps: 30 });
  const started = startCameo(["train", path, "--json"]);
  await until(() => started.out.stdout.includes('"event":"step"'));
  started.child.kill("SIGINT");
  const finished = await started.finished;
  t.equal(finished.code, 130);
  t.equal(finished.stderr, "\ncameo: stopping; press Ctrl-C again to stop at once\ncameo: interrupted\n");
  const [checkpoint, error] = events(finished).slice(-2);
  t.match(error, { event: "error", code: "ERR_ABORTED", message: "interrupted" });
  t.match(checkpoint, { event: "checkpoint", step: recordedSteps(output).length });
  t.ok(existsSync(String(checkpoint?.path)));
  const resumed = await cameo(["train", path, "--resume"]);
  t.equal(resumed.stdout, `${model}\n`);
  t.match(resumed.stderr, `going on after step ${checkpoint?.step} of 30\n`);
  const done = await cameo(["train", path, "--resume"]);
  t.equal(done.stdout, `${model}\n`);
  t.match(done.stderr, "all 30 steps are done: the model is written again\n");
  t.same(
    recordedSteps(output),
    Array.from({ length: 30 }, (_, i) => i + 1),
  );
});

test("--resume says that there is nothing to go on from", async (t) => {
  const { path, output } = recipe("nothing-yet", { steps: 1 });
  const { code, stderr } = await cameo(["train", path, "--resume"]);
  t.equal(code, 0);
  t.match(stderr, `no checkpoint in ${output} yet: starting at step 1\n`);
  const other = recipe("nothing-yet-json", { steps: 1 });
  const [start] = events(await cameo(["train", other.path, "--resume", "--json"])).filter(
    ({ event }) => event !== "progress",
  );
  t.match(start, { event: "start", step: 0, steps: 1, output: other.output });
});

test("a second Ctrl-C ends all processes at once", async (t) => {
  // Several processes stop at the end of a step, and these take minutes.
  const { path, output } = recipe("at-once", { accumulation: 1000 });
  const { child, out, finished } = startCameo(["train", path, "--nproc", "2"], { OMP_NUM_THREADS: "1" });
  await until(() => existsSync(join(output, "metrics.jsonl")));
  const processes = descendantsOf(child.pid as number);
  t.ok(processes.length >= 2);
  child.kill("SIGINT");
  await until(() => out.stderr.includes("press Ctrl-C again"));
  // Sooner, it would be the same one that came twice.
  await sleep(1100);
  child.kill("SIGINT");
  t.equal((await finished).code, 130);
  await until(() => !processes.some(isRunning));
  t.notMatch(readFileSync(join(output, "metrics.jsonl"), "utf8"), /"step":1\b/, "before the step ended");
  t.same(readdirSync(join(output, "checkpoints")), []);
});

test("a process that is killed leaves no workers behind", async (t) => {
  const { path } = recipe("killed", { steps: 1000 });
  const { child, out, finished } = startCameo(["train", path, "--json"]);
  await until(() => out.stdout.includes('"event":"step"'));
  const workers = descendantsOf(child.pid as number);
  t.equal(workers.length, 2);
  child.kill("SIGKILL");
  t.equal((await finished).signal, "SIGKILL");
  await until(() => !workers.some(isRunning));
});

test("nor does one that is killed while they start", async (t) => {
  const { path } = recipe("starting", { steps: 1000 });
  const { child, finished } = startCameo(["train", path]);
  await until(() => descendantsOf(child.pid as number).length > 0);
  const workers = descendantsOf(child.pid as number);
  child.kill("SIGKILL");
  await finished;
  await until(() => !workers.some(isRunning));
  t.equal(workers.some(isRunning), false);
});
