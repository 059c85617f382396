// How many rounds of evaluations a film takes that is sampled in parallel, and how far it is from the one that is
// sampled step after step.
//
//     node bench/parallel_steps.mjs [--steps 30] [--size 128] [--frames 16] [--schedulers ddim,dpmpp-2m]
//         [--windows 8,16,32] [--tolerances 0.1,0.01,0.001,0] [--reference IMAGE] [--prompt TEXT] [--seed N]
//
// It is the model that ships, with guidance. A round is what several devices compute at once; evaluations are all of them.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";
import { printTable } from "./report.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    steps: { ...text, default: "30" },
    size: { ...text, default: "128" },
    frames: { ...text, default: "16" },
    schedulers: { ...text, default: "ddim,dpmpp-2m" },
    windows: { ...text, default: "8,16,32" },
    tolerances: { ...text, default: "0.1,0.01,0.001,0" },
    reference: { ...text, default: "examples/critter.png" },
    prompt: { ...text, default: "a critter runs on a beach" },
    seed: { ...text, default: "1" },
  },
});
const [steps, size, frames, seed] = [values.steps, values.size, values.frames, values.seed].map(Number);
const numbers = (list) => list.split(",").map(Number);

/** The last latents and the rounds that a file of `saveLatents` has. */
function readLatents(path) {
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString("utf8", 8, 8 + length));
  const bytes = (name) => {
    const [begin, end] = header[name].data_offsets;
    return file.buffer.slice(file.byteOffset + 8 + length + begin, file.byteOffset + 8 + length + end);
  };
  const all = new Float32Array(bytes("latents"));
  const last = all.subarray(all.length - all.length / header.latents.shape[0]);
  return { last, rounds: header.rounds && Number(new BigInt64Array(bytes("rounds"))[0]) };
}

function difference(a, b) {
  const largest = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0) / largest;
}

function decibels(a, b) {
  const error = a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0) / a.length;
  return error === 0 ? "the same" : `${(10 * Math.log10(255 ** 2 / error)).toFixed(1)} dB`;
}

const folder = mkdtempSync(join(tmpdir(), "cameo-parallel-"));
const saveLatents = join(folder, "latents.safetensors");
const pipe = await Pipeline.load({ dtype: "fp32" });
const request = {
  prompt: values.prompt,
  reference: values.reference,
  width: size,
  height: size,
  frames,
  steps,
  seed,
};

async function run(scheduler, how = {}) {
  const started = performance.now();
  const video = await pipe.sample({ ...request, scheduler, saveLatents, ...how });
  return { frames: video.frames, seconds: (performance.now() - started) / 1000, ...readLatents(saveLatents) };
}

try {
  const rows = [];
  for (const scheduler of values.schedulers.split(",")) {
    const plain = await run(scheduler);
    rows.push([scheduler, "", "", steps, "", "", plain.seconds.toFixed(0)]);
    for (const parallelSteps of numbers(values.windows)) {
      for (const parallelTolerance of numbers(values.tolerances)) {
        const { last, rounds, frames, seconds } = await run(scheduler, { parallelSteps, parallelTolerance });
        const off = difference(plain.last, last).toExponential(1);
        const row = [
          scheduler,
          parallelSteps,
          parallelTolerance,
          rounds,
          off,
          decibels(plain.frames, frames),
        ];
        rows.push([...row, seconds.toFixed(0)]);
        console.error(rows.at(-1).join(" | "));
      }
    }
  }
  printTable(["scheduler", "window", "tolerance", "rounds", "latents off by", "film", "seconds here"], rows);
} finally {
  await pipe.close();
  rmSync(folder, { recursive: true, force: true });
}
