// Slow: it kills runs that train.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { Random } from "#ts/data/random.js";
import type { Recipe } from "#ts/training/recipe.js";
import { cameo } from "../../support/command.js";
import { leftovers, sha256, writeClips, writeRecipe, writeTrainingSet } from "../../support/training_run.js";

/** Each takes two or three seconds. */
const kills = Number(process.env.CAMEO_KILLS ?? 8);
const longestRunMs = 6000;

const folder = "build/fixtures/trainer_kills";
const set = await writeTrainingSet("trainer_kills");
const source = await writeClips(join(folder, "many"), 6);

/** Long enough that it is rarely done before it is killed. */
function recipeIn(name: string): { recipe: Recipe; path: string; model: string; cache: string } {
  const output = join(folder, name);
  const cache = join(output, "cache");
  rmSync(output, { recursive: true, force: true });
  const recipe: Recipe = {
    ...set,
    data: { ...set.data, source, cache: { folder: cache, variants: 8 } },
    steps: 3 * kills + 6,
    ema: 0.99,
    checkpoints: { every: 2, keep: 2 },
    output,
  };
  const path = writeRecipe(recipe, join(folder, `${name}.json`));
  return { recipe, path, model: join(output, "model", "subject.safetensors"), cache };
}

const random = new Random(0, "kills", 0);

function start(path: string): ChildProcess {
  const args = ["dist/cli/main.js", "train", path, "--resume", "--quiet"];
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
}

/** Kills the process at a moment that is drawn: in a write to one of the folders, or just at any time. */
async function killSometime(child: ChildProcess, watched: readonly string[]): Promise<string> {
  const folder = watched[random.below(watched.length + 1)];
  let seen = folder ? leftovers(folder).length : 0;
  const deadline = performance.now() + random.below(longestRunMs);
  let when = "any time";
  while (child.exitCode === null && performance.now() < deadline && when === "any time") {
    await sleep(random.below(3));
    if (folder === undefined) continue;
    // A write is over before anyone can act on having seen it, unless the process is held.
    child.kill("SIGSTOP");
    await sleep(1);
    const count = leftovers(folder).length;
    if (count > seen) when = `a write in ${folder}`;
    else child.kill("SIGCONT");
    seen = count;
  }
  child.kill("SIGKILL");
  return when;
}

/** When the process was killed; undefined where it was done before. */
async function runUntilKilled(path: string, watched: readonly string[]): Promise<string | undefined> {
  const child = start(path);
  const closed = once(child, "close");
  const when = await killSometime(child, watched);
  const [code] = await closed;
  if (code !== null && code !== 0) throw new Error(`it ended with ${code}`);
  return code === 0 ? undefined : when;
}

/** As long as its header says. */
function isWhole(path: string): boolean {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__, ...tensors } = JSON.parse(bytes.toString("utf8", 8, start));
  const ends = Object.values(tensors as Record<string, { data_offsets: [number, number] }>).map(
    ({ data_offsets: [, end] }) => end,
  );
  return start + Math.max(...ends) === bytes.length;
}

function safetensorsIn(parent: string): string[] {
  const names = readdirSync(parent, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".safetensors")).map((name) => join(parent, name));
}

t.test(`a run that is killed ${kills} times makes the model of one that is not`, async (t) => {
  const whole = recipeIn("whole");
  t.equal((await cameo(["train", whole.path, "--quiet"])).stdout, `${resolve(whole.model)}\n`);

  const killed = recipeIn("killed");
  const output = killed.recipe.output;
  const watched = [join(output, "checkpoints"), killed.cache];
  for (const path of watched) mkdirSync(path, { recursive: true });
  let killedCount = 0;
  while (killedCount < kills) {
    const when = await runUntilKilled(killed.path, watched);
    if (when === undefined) {
      // It was done first: once more from the start, with the latents that are kept.
      t.equal(sha256(killed.model), sha256(whole.model), "done between kills");
      for (const name of ["checkpoints", "model", "metrics.jsonl"]) {
        rmSync(join(output, name), { recursive: true, force: true });
      }
      mkdirSync(join(output, "checkpoints"));
      continue;
    }
    killedCount++;
    const partly = safetensorsIn(output).filter((path) => !isWhole(path));
    t.same(partly, [], `every file is whole after kill ${killedCount}, at ${when}`);
    t.ok(leftovers(join(output, "checkpoints")).length <= 1, "leftovers don't pile up");
  }

  for (const name of leftovers(killed.cache)) utimesSync(join(killed.cache, name), 0, 0);
  const last = await cameo(["train", killed.path, "--resume", "--quiet"]);
  t.equal(last.stdout, `${resolve(killed.model)}\n`, last.stderr);
  t.equal(sha256(killed.model), sha256(whole.model));
  t.same(leftovers(output), []);
  t.equal(readdirSync(join(output, "checkpoints")).length, 2);
});
