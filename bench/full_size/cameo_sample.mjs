// Samples one video with cameo on the CPU, and prints times and memory as one line of JSON.
//
//     OMP_NUM_THREADS=2 node bench/full_size/cameo_sample.mjs FOLDER [--pisa] [--steps 2] [--frames 16]
//         [--size 256] [--dtype fp32] [--kernels plain] [--latents FILE] [--subjects] [--words]
//
// FOLDER is make_model.py's. --pisa loads its subject.bin and gives it a reference; --subjects, with it, makes that
// two subjects, each in its half, and --words gives them words. The peak is counted anew after
// loading. An evaluation's time is what lies between two progress events. --latents keeps the last latents in FILE.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";
import { peakBytes, restartPeak } from "#ts/peak_memory.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pisa: { type: "boolean", default: false },
    steps: { type: "string", default: "2" },
    frames: { type: "string", default: "16" },
    size: { type: "string", default: "256" },
    dtype: { type: "string", default: "fp32" },
    kernels: { type: "string", default: "fast" },
    latents: { type: "string" },
    subjects: { type: "boolean", default: false },
    words: { type: "boolean", default: false },
  },
});
const folder = positionals[0];
const size = Number(options.size);

function gradient() {
  const data = new Uint8Array(3 * size * size);
  for (let i = 0; i < size * size; i++) data.fill((255 * (i % size)) / (size - 1), 3 * i, 3 * i + 3);
  return { data, width: size, height: size };
}

/** The reference, or two subjects with it. */
function references() {
  if (!options.pisa) return {};
  if (!options.subjects) return { reference: gradient() };
  const subject = (x, words) => ({
    ...{ reference: gradient(), region: { x, y: 0, width: 0.5, height: 1 } },
    ...(options.words ? { words } : {}),
  });
  return { subjects: [subject(0, "a person in a red coat"), subject(0.5, "a person in a blue coat")] };
}

/** Seconds between each event of `phase` and the event before it. */
function secondsOf(phase, events) {
  return events.flatMap((event, i) => (event.phase === phase ? [(event.at - events[i - 1].at) / 1000] : []));
}

/** Of the processor, by all threads, as `secondsOf`: what others on the machine do counts for less in it. */
function cpuSecondsOf(phase, events) {
  const of = ({ cpu }) => (cpu.user + cpu.system) / 1e6;
  return events.flatMap((event, i) => (event.phase === phase ? [of(event) - of(events[i - 1])] : []));
}

function standardDeviation(values) {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(squares / values.length - (sum / values.length) ** 2);
}

const loadStart = performance.now();
const pipe = await Pipeline.load({
  base: join(folder, "sd15"),
  motion: join(folder, "motion"),
  ...(options.pisa ? { subject: join(folder, "subject.bin") } : {}),
  device: "cpu",
  dtype: options.dtype,
  kernels: options.kernels,
});
const report = { loadSeconds: (performance.now() - loadStart) / 1000, loadPeakBytes: peakBytes() };
report.idleBytes = process.memoryUsage.rss();
restartPeak();

const sum = (values) => values.reduce((total, value) => total + value, 0);
const start = performance.now();
const events = [{ phase: "start", at: start, cpu: process.cpuUsage() }];
const video = await pipe.sample({
  prompt: "a person playing an acoustic guitar",
  negativePrompt: "blurry",
  ...references(),
  ...(options.latents === undefined ? {} : { saveLatents: options.latents }),
  frames: Number(options.frames),
  width: size,
  height: size,
  steps: Number(options.steps),
  guidanceScale: 8,
  seed: 42,
  onProgress: ({ phase }) => events.push({ phase, at: performance.now(), cpu: process.cpuUsage() }),
});
const evaluationSeconds = secondsOf("denoise", events);
Object.assign(report, {
  sampleSeconds: (performance.now() - start) / 1000,
  samplePeakBytes: peakBytes(),
  evaluationSeconds,
  evaluationCpuSeconds: cpuSecondsOf("denoise", events),
  denoiseSeconds: sum(evaluationSeconds),
  decodeSeconds: sum(secondsOf("decode", events)),
  contrast: standardDeviation(video.frames) / 255,
});
await pipe.close();
console.log(JSON.stringify(report));
