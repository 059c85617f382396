// Slow: it trains in several processes.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { freePort } from "#ts/training/launch.js";
import type { Recipe } from "#ts/training/recipe.js";
import { cameo, events, type Finished, startCameo } from "../../support/command.js";
import { compare } from "../../support/compare.js";
import { childrenOf, until, variableOf } from "../../support/processes.js";
import { readSafetensors } from "../../support/safetensors.js";
import {
  recordedSteps,
  sha256,
  vaeRecipe,
  writeRecipe,
  writeTrainingSet,
} from "../../support/training_run.js";
import { writeWan } from "../../support/wan_model.js";

/** Relative to a tensor's largest value. */
const tolerance = 1e-5;

const set = await writeTrainingSet("trainer_processes");
const env = { OMP_NUM_THREADS: "1" };

interface Run {
  path: string;
  output: string;
  model: string;
  checkpoints: string;
}

function run(name: string, changes: Partial<Recipe> = {}): Run {
  const output = `${set.output}-${name}`;
  rmSync(output, { recursive: true, force: true });
  const recipe: Recipe = {
    ...set,
    steps: 8,
    ema: 0.99,
    // Where a gradient is all but zero, AdamW's steps are mostly rounding.
    optimizer: { learningRate: 2e-4 },
    ...changes,
    output,
  };
  const path = writeRecipe(recipe, `${output}.json`);
  const model = join(output, "model", "subject.safetensors");
  return { path, output, model, checkpoints: join(output, "checkpoints") };
}

function keptFolder(name: string): string {
  const folder = `${set.output}-${name}-kept`;
  rmSync(folder, { recursive: true, force: true });
  return folder;
}

/** Two processes. */
function inTwo({ path }: Run, ...flags: string[]): Promise<Finished> {
  return cameo(["train", path, "--nproc", "2", "--json", ...flags], env);
}

function checkSameModel(t: Test, actual: string, expected: string): void {
  const [tensors, wanted] = [readSafetensors(actual), readSafetensors(expected)];
  t.same(Object.keys(tensors), Object.keys(wanted));
  const differences = Object.entries(wanted).map(
    ([name, { data }]) => compare(tensors[name]?.data ?? [], data).largest,
  );
  const largest = Math.max(...differences);
  t.ok(largest <= tolerance, `parameters are within ${tolerance}: ${largest.toExponential(1)}`);
}

const alone = run("alone", { batch: 2 });
const losses = (finished: Finished) =>
  events(finished).flatMap(({ event, loss }) => (event === "step" ? [loss as number] : []));
const expected = losses(await cameo(["train", alone.path, "--json"], env));
const sharded = run("sharded", { distributed: { shardOptimizer: true } });

t.test("two processes train as one with twice the batch", async (t) => {
  const two = run("two");
  const finished = await inTwo(two);
  t.equal(finished.code, 0, finished.stderr);
  t.equal(expected.length, 8);
  t.ok(compare(losses(finished), Float32Array.from(expected)).largest <= tolerance);
  checkSameModel(t, two.model, alone.model);
});

t.test("so they do with the optimiser's state spread over them", async (t) => {
  const finished = await inTwo(sharded);
  t.equal(finished.code, 0, finished.stderr);
  checkSameModel(t, sharded.model, alone.model);
});

t.test("so does a VAE, whose latents' scale is that of all samples", async (t) => {
  // Keys' biases have no gradient but rounding errors, which this epsilon keeps from becoming steps.
  const vae = vaeRecipe({ ...set, steps: 4, optimizer: { learningRate: 2e-4, epsilon: 1e-3 } });
  const one = run("vae-alone", { ...vae, batch: 2 });
  const two = run("vae-two", { ...vae, distributed: { shardOptimizer: true } });
  t.equal((await cameo(["train", one.path], env)).code, 0);
  const finished = await inTwo(two);
  t.equal(finished.code, 0, finished.stderr);
  const folders = [one, two].map(({ output }) => join(output, "model", "base", "vae")) as [string, string];
  const file = "diffusion_pytorch_model.safetensors";
  checkSameModel(t, join(folders[1], file), join(folders[0], file));
  const [wanted, scale] = folders.map(
    (folder) => JSON.parse(readFileSync(join(folder, "config.json"), "utf8")).scaling_factor,
  );
  t.ok(Math.abs(scale - wanted) <= tolerance * wanted, `${scale} for ${wanted}`);
});

t.test("so does Wan, of whose clips each process keeps its own latents and captions", async (t) => {
  const { source } = set.data;
  const references = { count: 2 };
  const film = (name: string, changes: Partial<Recipe>) =>
    run(name, {
      kind: "phantom",
      model: { base: writeWan("trainer_processes/wan") },
      data: { source, frames: 5, stride: 2, size: [32, 16], references, cache: { folder: keptFolder(name) } },
      // Where a gradient is rounding alone, this epsilon keeps it from becoming a step.
      optimizer: { learningRate: 2e-4, epsilon: 1e-3 },
      steps: 4,
      ...changes,
    });
  const one = film("phantom-alone", { batch: 2 });
  const two = film("phantom-two", { distributed: { shardOptimizer: true } });
  const finished = await cameo(["train", one.path, "--json"], env);
  t.equal(finished.code, 0, finished.stderr);
  const both = await inTwo(two);
  t.equal(both.code, 0, both.stderr);
  t.ok(compare(losses(both), Float32Array.from(losses(finished))).largest <= tolerance);
  checkSameModel(t, two.model, one.model);
});

t.test("an interrupt ends both at one step, whose checkpoint both resume from", async (t) => {
  const interrupted = run("interrupted", { distributed: { shardOptimizer: true } });
  const started = startCameo(["train", interrupted.path, "--nproc", "2", "--json"], env);
  await until(() => started.out.stdout.includes('"step":2,'));
  started.child.kill("SIGINT");
  const finished = await started.finished;
  t.equal(finished.code, 130, finished.stderr);
  const last = events(finished).findLast(({ event }) => event === "step")?.step;
  const others = events(finished).filter(({ event }) => event !== "step" && event !== "progress");
  t.match(others, [
    { event: "start", step: 0 },
    { event: "checkpoint", step: last },
    { event: "error", code: "ERR_ABORTED" },
  ]);
  t.equal(others.length, 3);
  t.equal(finished.stderr, "\ncameo: stopping; press Ctrl-C again to stop at once\ncameo: interrupted\n");
  t.same(readdirSync(interrupted.checkpoints), [`step-${String(last).padStart(8, "0")}.safetensors`]);

  const resumed = await inTwo(interrupted, "--resume");
  t.equal(resumed.code, 0, resumed.stderr);
  t.equal(sha256(interrupted.model), sha256(sharded.model));
  t.same(recordedSteps(interrupted.output), [1, 2, 3, 4, 5, 6, 7, 8]);
});

t.test("when one is killed the other ends too, and --resume goes on", async (t) => {
  const killed = run("killed", {
    checkpoints: { every: 1 },
    // Longer than a test may take.
    distributed: { shardOptimizer: true, timeoutSeconds: 3600 },
  });
  const { child, out, finished } = startCameo(["train", killed.path, "--nproc", "2", "--json"], env);
  await until(() => out.stdout.includes('"event":"checkpoint"'));
  const ranks = childrenOf(child.pid as number);
  process.kill(ranks.find((pid) => variableOf(pid, "RANK") === "1") as number, "SIGKILL");
  const { code, stdout, stderr } = await finished;
  t.equal(code, 1);
  t.match(stderr, /^cameo: .*rank 1/m);
  t.same([...new Set(events({ stdout }).flatMap(({ code = [] }) => code))], ["ERR_DISTRIBUTED"]);

  const resumed = await inTwo(killed, "--resume");
  t.equal(resumed.code, 0, resumed.stderr);
  t.equal(sha256(killed.model), sha256(sharded.model));
});

t.test("processes that would go on from different steps are refused", async (t) => {
  const settings = { checkpoints: { every: 2 }, distributed: { timeoutSeconds: 60 } };
  const [shared, apart] = [run("shared", { ...settings, steps: 2 }), run("apart", settings)];
  t.equal((await inTwo(shared)).code, 0);
  writeRecipe({ ...JSON.parse(readFileSync(shared.path, "utf8")), steps: 8 }, shared.path);
  const place = { WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(await freePort()) };
  const ranks = [shared, apart].map(({ path }, rank) =>
    cameo(["train", path, "--resume", "--json"], {
      ...env,
      ...place,
      RANK: `${rank}`,
      LOCAL_RANK: `${rank}`,
    }),
  );
  for (const [rank, { code, stdout }] of (await Promise.all(ranks)).entries()) {
    t.equal(code, 1);
    t.match(events({ stdout }).at(-1), {
      code: "ERR_CHECKPOINT",
      message: new RegExp(
        `^rank ${rank} goes on after step ${rank === 0 ? 2 : 0}, another process after step 2: `,
      ),
    });
  }
});

t.test("a run of two processes is not resumed by one", async (t) => {
  const { code, stderr } = await cameo(["train", sharded.path, "--resume"], env);
  t.equal(code, 1);
  t.match(stderr, /^cameo: .*the number of processes \(2 then, 1 now\) changed; undo that/m);
});
