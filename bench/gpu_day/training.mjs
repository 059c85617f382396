// Twenty training steps of the model that ships: to the end, and once more with a kill in the middle and a resumption,
// which has to give the same losses.
//
//     node bench/gpu_day/training.mjs [--device cuda] [--small] [--folder build/gpu-day/work]
import { spawn } from "node:child_process";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import sharp from "sharp";
import { report, settings, shipped } from "./check.mjs";

const { device, small, folder } = settings();
const steps = small ? 4 : 20;
const side = small ? 32 : 128;
const checkpointEvery = steps / 4;
/** Of the loss: sums on a GPU come in another order each time. */
const mostDifference = device === "cpu" ? 0 : 0.02;
const work = resolve(folder, "training");

/** Clips of a square that moves over grey, four of them. */
async function writeClips() {
  const frames = 20;
  for (let clip = 0; clip < 4; clip++) {
    const data = new Uint8Array(frames * side * side * 3).fill(200);
    for (let f = 0; f < frames; f++) {
      for (let y = side / 4; y < side / 2; y++) {
        for (let x = f; x < f + side / 4; x++)
          data.set([60 * clip, 90, 220], 3 * ((f * side + y) * side + x));
      }
    }
    const path = join(work, "clips", `${clip}.webp`);
    const raw = { width: side, height: side * frames, channels: 3, pageHeight: side };
    await sharp(data, { raw })
      .webp({ lossless: true, delay: Array(frames).fill(125) })
      .toFile(path);
    await writeFile(join(work, "clips", `${clip}.txt`), "a square moves");
  }
}

async function writeRecipe(name) {
  const recipe = {
    kind: "subject",
    model: shipped,
    data: { source: join(work, "clips"), size: [side, side], frames: small ? 4 : 16, stride: 1 },
    optimizer: { learningRate: 1e-4, warmup: 2 },
    steps,
    seed: 3,
    device,
    checkpoints: { every: checkpointEvery, keep: 2 },
    output: join(work, name),
  };
  const path = join(work, `${name}.json`);
  await writeFile(path, JSON.stringify(recipe));
  return path;
}

/** Trains, and kills the run once it has made `killAt` steps; the losses by step. */
async function train(recipe, { resume = false, killAt = Number.POSITIVE_INFINITY } = {}) {
  const flags = ["train", recipe, "--json", ...(resume ? ["--resume"] : [])];
  const run = spawn(process.execPath, ["bin/cameo.js", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((done) => run.once("close", (...end) => done(end)));
  const losses = {};
  for await (const line of createInterface({ input: run.stdout })) {
    const { event, step, loss } = JSON.parse(line);
    if (event !== "step") continue;
    losses[step] = loss;
    if (step >= killAt) run.kill("SIGKILL");
  }
  const [code, signal] = await ended;
  if (code !== 0 && signal !== "SIGKILL") throw new Error(`the run ended with ${code ?? signal}`);
  return losses;
}

await rm(work, { recursive: true, force: true });
await mkdir(join(work, "clips"), { recursive: true });
await writeClips();
const whole = await train(await writeRecipe("whole"));
const [last] = Object.keys(whole).slice(-1);
const recipe = await writeRecipe("killed");
await train(recipe, { killAt: checkpointEvery + 2 });
const resumed = await train(recipe, { resume: true });
const off = Math.abs(resumed[last] - whole[last]) / Math.abs(whole[last]);
const exported = await stat(join(work, "killed", "model", "subject.safetensors"));
report({
  right: Number(last) === steps && !(1 in resumed) && off <= mostDifference && Number.isFinite(off),
  losses: Object.values(whole),
  resumedFrom: Object.keys(resumed)[0],
  difference: off,
  exportedBytes: exported.size,
});
