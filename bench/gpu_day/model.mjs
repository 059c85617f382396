// Trains the model that ships on from where it is, in stages as long as there is time: each ends with the whole model and a
// sheet of films, so that nothing is lost when the time is up.
//
//     node bench/gpu_day/model.mjs [--device cuda] [--small] [--folder FOLDER] [--seconds 360]
//
// Draws its clips first, into build/gpu-day/clips. FOLDER gets subject.safetensors, the whole UNet, and sheet.png.
import { spawn } from "node:child_process";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Pipeline, Trainer } from "cameo";
import sharp from "sharp";
import { median } from "#ts/median.js";
import { during, report, settings, shipped, timed } from "./check.mjs";

const { device, small, folder, seconds } = settings();
const work = resolve(small ? join(folder, "model") : "build/gpu-day/model");
const clips = resolve(small ? join(folder, "clips") : "build/gpu-day/clips");
const clipCount = small ? 2 : 6000;
/** What drawing may take: what is drawn by then is what is trained on. */
const drawingSeconds = small ? 60 : 75;
const batches = small ? [1, 2] : [8, 16, 32, 64];
const calibrationSteps = small ? 2 : 5;
/** Of the time that is left, what a stage's steps may take; the rest is for loading and for films. */
const stageSeconds = small ? 1 : 90;
const prompts = [
  "a critter runs on a beach",
  "a small creature spins in a city at night",
  "a critter jumps in the snow",
  "a little creature waves in a meadow",
];
const references = ["critter", "critter-2", "critter-3"].map((name) => `examples/${name}.png`);

const start = performance.now();
const left = () => seconds - (performance.now() - start) / 1000;

function recipeOf(model, { name, batch, steps, last }) {
  return {
    kind: "subject",
    model: { ...model, noiseCorrelation: 0.9 },
    data: {
      source: join(clips, "clips.jsonl"),
      size: small ? [32, 32] : [128, 128],
      ...(small && { frames: 4 }),
      stride: 1,
      references: { candidates: 4, flip: 0.5 },
      workers: small ? 1 : 12,
    },
    objective: { alpha: 0.01, beta: 0.0007, dropCondition: 0.1, minSnrGamma: 0.03, timestepShift: 1.5 },
    trained: ["all"],
    optimizer: { learningRate: 2e-4, warmup: 1, schedule: "cosine", finalLearningRate: last ? 1e-6 : 1e-4 },
    seed: Math.round(performance.now()),
    steps,
    batch,
    ema: 0.99,
    dtype: "bf16",
    modelDtype: "fp16",
    device,
    checkpoints: { every: steps, keep: 1 },
    output: join(work, name),
  };
}

/** Draws clips on all cores until they are enough or the time is up. */
async function drawClips() {
  const program = "build/weights/troupe/world/draw.js";
  const drawing = spawn(process.execPath, [program, clips, "--clips", String(clipCount)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const timer = setTimeout(() => drawing.kill("SIGINT"), 1000 * drawingSeconds);
  await new Promise((closed) => drawing.once("close", closed));
  clearTimeout(timer);
}

/** Trains a stage: samples a second, in the median of its steps, and the last loss. */
async function train(recipe) {
  await rm(recipe.output, { recursive: true, force: true });
  const rates = [];
  let loss;
  await during(Trainer.open(recipe), async (trainer) => {
    for await (const event of trainer.run()) {
      if (event.type !== "step") continue;
      rates.push(event.samplesPerSecond);
      loss = event.loss;
    }
  });
  return { samplesPerSecond: median(rates), loss };
}

/** The batch with which most samples are trained a second; more than what fits in memory is no batch. */
async function chooseBatch(model) {
  const rates = {};
  for (const batch of batches) {
    const recipe = recipeOf(model, { name: "calibration", batch, steps: calibrationSteps });
    const { samplesPerSecond } = await train(recipe).catch((error) => {
      if (error.code === "ERR_OUT_OF_MEMORY") return { samplesPerSecond: 0 };
      throw error;
    });
    rates[batch] = samplesPerSecond;
  }
  const best = batches.reduce((best, batch) => (rates[batch] > 1.05 * rates[best] ? batch : best));
  return { batch: best, rates };
}

/** A film's frames side by side, in the sheet's row `row`. */
async function rowOf({ frames, count, width, height }, row) {
  const raw = { width, height, channels: 3 };
  const tall = sharp(frames, { raw: { ...raw, height: height * count } });
  const pictures = Array.from({ length: count }, (_, f) =>
    tall
      .clone()
      .extract({ left: 0, top: f * height, width, height })
      .raw()
      .toBuffer(),
  );
  return (await Promise.all(pictures)).map((input, f) => ({
    input,
    raw,
    left: f * width,
    top: row * height,
  }));
}

/** A film of each prompt, with the references in turn, a row each. */
function writeSheet({ base, motion, subject }, path) {
  const size = small
    ? { width: 32, height: 32, frames: 4, steps: 2 }
    : { frames: 16, width: 128, height: 128 };
  return during(Pipeline.load({ base, motion, subject, device }), async (pipe) => {
    const rows = [];
    for (const [i, prompt] of prompts.entries()) {
      const reference = references[i % references.length];
      const video = await pipe.sample({
        prompt,
        reference,
        seed: i,
        guidanceScale: 5,
        negativePrompt: "",
        ...size,
      });
      rows.push(...(await rowOf(video, i)));
    }
    const [width, height] = [size.frames * size.width, prompts.length * size.height];
    const create = { width, height, channels: 3, background: "#fff" };
    await sharp({ create }).composite(rows).png().toFile(path);
  });
}

await mkdir(folder, { recursive: true });
let model = shipped;
await drawClips();
const { batch, rates } = await chooseBatch(model);
const stages = [];
let perStage = 30;
const mostStages = small ? 2 : Number.POSITIVE_INFINITY;
while (stages.length === 0 || (left() > perStage + 30 && stages.length < mostStages)) {
  const name = `stage-${stages.length + 1}`;
  const budget = Math.max(1, Math.min(stageSeconds, left() - perStage - 20));
  const steps = Math.max(2, Math.floor((budget * rates[batch]) / batch));
  const last = left() < 2 * stageSeconds;
  const recipe = recipeOf(model, { name, batch, steps, last });
  const { value, seconds: took } = await timed(() => train(recipe));
  model = { ...model, subject: join(recipe.output, "model", "subject.safetensors") };
  await copyFile(model.subject, join(folder, "subject.safetensors"));
  const sheet = await timed(() => writeSheet(model, join(folder, "sheet.png")));
  perStage = Math.max(10, took - budget) + sheet.seconds;
  stages.push({ steps, seconds: took, ...value });
  report({ right: stages.every(({ loss }) => Number.isFinite(loss)), batch, rates, stages });
}
