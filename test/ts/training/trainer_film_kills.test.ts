// Slow: it kills runs that train.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { Recipe } from "#ts/training/recipe.js";
import { cameo } from "../../support/command.js";
import { recordedSteps, sha256, writeClips, writeRecipe } from "../../support/training_run.js";
import { writeWan } from "../../support/wan_model.js";

const folder = "build/fixtures/trainer_film_kills";
const base = writeWan("trainer_film_kills/wan");
const source = await writeClips(join(folder, "clips"), 3);
/** Of one step, so that it takes longer than it takes to see that it has begun. */
const accumulation = 24;

function recipeIn(name: string): { path: string; output: string; transformer: string } {
  const output = join(folder, name);
  rmSync(output, { recursive: true, force: true });
  const recipe: Recipe = {
    ...{ kind: "wan", model: { base } },
    // All of a step's samples are ready when it begins.
    data: { source, frames: 5, stride: 2, size: [32, 16], prefetch: 2 * accumulation },
    ...{ optimizer: { learningRate: 1e-3 }, ema: 0.9, device: "cpu", output },
    ...{ steps: 6, accumulation, checkpoints: { every: 2, keep: 2 } },
  };
  const path = writeRecipe(recipe, join(folder, `${name}.json`));
  const model = join(output, "model/base");
  return { path, output, transformer: join(model, "transformer/diffusion_pytorch_model.safetensors") };
}

/** The lines of the run's metrics, one that is only begun left out. */
function linesIn(output: string): string[] {
  const path = join(output, "metrics.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}

/**
 * Kills the run so many seconds after it has done `done` steps, after which no checkpoint is written; the steps that it had done
 * when it died: as many where it died in the next step.
 */
async function killAfter(path: string, output: string, done: number, seconds: number): Promise<number> {
  if (linesIn(output).length >= done) return Number.NaN; // the one before it was late
  const args = ["dist/cli/main.js", "train", path, "--resume", "--quiet"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const closed = once(child, "close");
  while (child.exitCode === null && linesIn(output).length < done) await sleep(2);
  await sleep(1000 * seconds);
  child.kill("SIGKILL");
  await closed;
  return linesIn(output).length;
}

t.test(
  "a Wan run that is killed in the middle of its steps makes the model of one that is not",
  async (t) => {
    const whole = recipeIn("whole");
    t.equal(
      (await cameo(["train", whole.path, "--quiet"])).stdout,
      `${resolve(whole.output, "model/base")}\n`,
    );

    // Of a step for which no samples were waited.
    const { secondsPerStep } = JSON.parse(linesIn(whole.output)[3] as string);
    const killed = recipeIn("killed");
    const inSteps: number[] = [];
    // Where the machine is busy, a step may be over before its kill.
    for (const [done, share] of [
      [1, 0.25],
      [3, 0.5],
      [5, 0.7],
    ] as const) {
      const died = await killAfter(killed.path, killed.output, done, share * secondsPerStep);
      if (died === done) inSteps.push(done + 1);
    }
    t.ok(inSteps.length > 0, `killed in the steps ${inSteps.join(", ")}`);
    const last = await cameo(["train", killed.path, "--resume", "--quiet"]);
    t.equal(last.stdout, `${resolve(killed.output, "model/base")}\n`, last.stderr);
    t.strictSame(recordedSteps(killed.output), [1, 2, 3, 4, 5, 6]);
    t.equal(sha256(killed.transformer), sha256(whole.transformer));
    t.not(sha256(killed.transformer), sha256(join(base, "transformer/diffusion_pytorch_model.safetensors")));
  },
);
