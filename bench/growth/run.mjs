// How the cost of a UNet evaluation grows with frames, size and references, beside the number of its operations. Writes
// bench/results/growth.json and .webp.
//
//     node bench/growth/run.mjs [--width 1] [--limit 900] [--steps 2] [--threads 2] [--dtype fp32] [--restart] [--quick]
//
// The UNet has Stable Diffusion 1.5's layout with motion modules, `--width` of its layers' width (0.5: a third of the
// operations), random weights and positions for 68 images: on two cores less than an hour, and some 10 GB. A point's time
// is the median of its evaluations but the first, which warms up; where `--limit` seconds leave no room for another, the
// first; where they leave none for that, there is no time. Points that the results have already, of the same setting, are
// not measured again, unless with --restart. --quick: a few small points with a narrow UNet, to see whether everything
// runs, saved as growth_quick. The machine should have nothing else to do.
import { parseArgs } from "node:util";
import { openModel } from "#ts/cli/bench/model.js";
import { requestOf } from "#ts/cli/bench/work.js";
import { median } from "#ts/median.js";
import { total, unetOperations } from "#ts/operations.js";
import { machine, printTable, saveChart, savedResults, saveResults } from "../report.mjs";
import { growthChart, growthChartSize } from "./chart.mjs";

const text = { type: "string" };
const { values: options } = parseArgs({
  options: {
    width: { ...text, default: "1" },
    limit: { ...text, default: "900" },
    steps: { ...text, default: "2" },
    threads: { ...text, default: "2" },
    dtype: { ...text, default: "fp32" },
    restart: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
});

/** Every axis goes through the same point. */
const center = options.quick
  ? { frames: 2, size: 64, references: 1 }
  : { frames: 16, size: 256, references: 1 };
const axes = options.quick
  ? { frames: [2, 4], size: [64, 128], references: [1, 2] }
  : {
      frames: [8, 16, 24, 32, 48, 64],
      size: [128, 192, 256, 320, 384, 448, 512],
      references: [1, 2, 3, 4],
    };
const layout = { width: options.quick ? 0.125 : Number(options.width), maxFrames: 68 };

const keyOf = ({ frames, size, references }) => `${frames} frames, ${size}x${size}, ${references} references`;

/** Seconds of each evaluation, as many as the limit has room for; without the decoding. */
async function evaluations({ native, description }, { frames, size, references }) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), 1000 * Number(options.limit));
  const work = {
    width: size,
    height: size,
    frames,
    references,
    steps: Number(options.steps),
    guidanceScale: 1,
  };
  const request = requestOf(work, description.textPositions);
  const seconds = [];
  let last = performance.now();
  const onProgress = ({ phase, step, steps }) => {
    const now = performance.now();
    if (phase === "denoise") seconds.push((now - last) / 1000);
    last = now;
    if (phase === "denoise" && step === steps) controller.abort();
  };
  try {
    const task = native.sample(request, onProgress);
    controller.signal.addEventListener("abort", () => task.abort());
    await task.promise;
  } catch (error) {
    if (error.code !== "ERR_ABORTED") throw error;
  } finally {
    clearTimeout(timer);
  }
  return seconds;
}

async function measurePoint(model, point) {
  const { size, frames, references } = point;
  const { latentScale, textPositions } = model.description;
  const side = size / latentScale;
  const input = { frames, references, width: side, height: side, textTokens: textPositions };
  const operations = unetOperations(model.shape.unet, model.shape.motion, input);
  const all = await evaluations(model, point);
  const seconds = all.length === 0 ? null : median(all.length > 1 ? all.slice(1) : all);
  return { ...point, operations, seconds, all };
}

const { width } = layout;
const { steps, dtype, limit } = options;
const setting = { ...machine(options.threads), width, dtype, center, axes };
const file = options.quick ? "growth_quick" : "growth";
const saved = options.restart ? undefined : await savedResults(file);
const isSame =
  JSON.stringify({ ...saved, points: undefined }) === JSON.stringify({ ...setting, points: undefined });
const results = { ...setting, points: isSame ? saved.points : {} };

process.env.OMP_NUM_THREADS = options.threads;
const model = await openModel({ layout, options: { device: "cpu", dtype } });
for (const [axis, values] of Object.entries(axes)) {
  for (const value of values) {
    const point = { ...center, [axis]: value };
    const key = keyOf(point);
    if (results.points[key] !== undefined) continue;
    process.stderr.write(`${key}: at most ${limit} s, ${steps} evaluations\n`);
    results.points[key] = await measurePoint(model, point);
    await saveResults(file, results);
  }
}
await model.native.close();

const rows = Object.entries(results.points).map(([key, { operations, seconds }]) => {
  const count = total(operations);
  const share = (kind) => `${((100 * operations[kind]) / count).toFixed(0)} %`;
  const speed =
    seconds === null ? ["over the limit", ""] : [seconds.toFixed(2), (count / seconds / 1e9).toFixed(0)];
  const shares = ["convolutions", "products", "attention"].map(share);
  return [key, (count / 1e12).toFixed(3), ...shares, ...speed];
});
printTable(["", "T operations", "convolutions", "products", "attention", "s", "G operations/s"], rows);
const charted = { ...results, points: Object.values(results.points) };
await saveChart(file, growthChart(charted), growthChartSize);
