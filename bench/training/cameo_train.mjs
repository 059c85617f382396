// Trains with cameo on the CPU, and prints times and memory as one line of JSON.
//
//     OMP_NUM_THREADS=2 node bench/training/cameo_train.mjs FOLDER [--checkpointing] [--steps 3] [--frames 16]
//         [--size 256]
//
// FOLDER is make_training_model.py's. The first step warms the allocator up; the first run also encodes the clip,
// whose latents it keeps in FOLDER. The peak is this process's, without those that read clips, and counted anew after
// loading.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Trainer } from "cameo";
import { peakBytes, restartPeak } from "#ts/peak_memory.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    checkpointing: { type: "boolean", default: false },
    steps: { type: "string", default: "3" },
    frames: { type: "string", default: "16" },
    size: { type: "string", default: "256" },
  },
});
const [folder] = positionals;
const size = Number(options.size);
const output = await mkdtemp(join(tmpdir(), "cameo-training-"));

const recipe = {
  kind: "subject",
  model: { base: join(folder, "base"), motion: join(folder, "motion") },
  data: {
    source: join(folder, "clips"),
    size: [size, size],
    frames: Number(options.frames),
    stride: 1,
    cache: { folder: join(folder, "cache"), variants: 1 },
  },
  objective: { dropCondition: 0 },
  optimizer: { learningRate: 1e-5, weightDecay: 0.01 },
  gradientCheckpointing: options.checkpointing,
  device: "cpu",
  steps: Number(options.steps),
  output: join(output, "run"),
};

const trainer = await Trainer.open(recipe);
const report = { stepSeconds: [], losses: [], idleBytes: process.memoryUsage.rss() };
report.trainedParameters = trainer.describe().trainedParameters;
restartPeak();

for await (const event of trainer.run()) {
  if (event.type !== "step") continue;
  report.stepSeconds.push(event.secondsPerStep);
  report.losses.push(event.loss);
  report.peakBytes = peakBytes();
  if (event.step === event.steps) break; // before a checkpoint is written
}
await trainer.close();
await rm(output, { recursive: true, force: true });
console.log(JSON.stringify(report));
