// Full size against diffusers: time of a UNet evaluation, peak memory, time to load; both sides in turn, each time
// in a process of its own. Writes bench/results/full_size.json and exits with 1 where a bound is broken.
//
//     pip install -r bench/requirements.txt && python bench/full_size/make_model.py FOLDER --subject
//     node bench/full_size/run.mjs FOLDER [--python python3] [--repeats 3] [--steps 3] [--only animatediff|subject]
//
// The machine should have nothing else to do, and 13 GiB of memory free: diffusers needs them while it loads.
import { parseArgs } from "node:util";
import { median } from "#ts/median.js";
import { machine, measure, printTable, saveResults } from "../report.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python3" },
    repeats: { type: "string", default: "3" },
    steps: { type: "string", default: "3" },
    frames: { type: "string", default: "16" },
    size: { type: "string", default: "256" },
    threads: { type: "string", default: "2" },
    only: { type: "string" },
  },
});
const folder = positionals[0];
const sides = {
  cameo: [process.execPath, "full_size/cameo_sample.mjs"],
  diffusers: [options.python, "full_size/diffusers_sample.py"],
};
const cases = { animatediff: [], subject: ["--pisa"] };
const bounds = { samplePeakBytes: 1.15, evaluationSeconds: 1 };
const labels = {
  evaluationSeconds: "a UNet evaluation, s",
  decodeSeconds: "decoding all frames, s",
  samplePeakBytes: "peak while sampling, GiB",
  loadPeakBytes: "peak while loading, GiB",
  loadSeconds: "loading, s",
};

/** The first evaluation also warms the allocator up: where there are more, it is left out. */
function summarise(runs) {
  const evaluations = runs.flatMap(({ evaluationSeconds: all }) => (all.length > 1 ? all.slice(1) : all));
  const summary = { evaluationSeconds: median(evaluations) };
  for (const key of Object.keys(labels)) summary[key] ??= median(runs.map((run) => run[key]));
  return summary;
}

async function compare(flags) {
  const runs = { cameo: [], diffusers: [] };
  for (let i = 0; i < Number(options.repeats); i++) {
    for (const [side, command] of Object.entries(sides)) {
      const { steps, frames, size } = options;
      const settings = ["--steps", steps, "--frames", frames, "--size", size];
      runs[side].push(await measure([...command, folder, ...settings, ...flags], options.threads));
    }
  }
  const medians = { cameo: summarise(runs.cameo), diffusers: summarise(runs.diffusers) };
  const ratios = {};
  for (const key of Object.keys(labels)) ratios[key] = medians.cameo[key] / medians.diffusers[key];
  return { medians, ratios, runs };
}

function print(name, { medians, ratios }) {
  const value = (side, key) => (key.endsWith("Bytes") ? medians[side][key] / 2 ** 30 : medians[side][key]);
  const rows = Object.entries(labels).map(([key, label]) => {
    const numbers = [value("cameo", key), value("diffusers", key), ratios[key]];
    const bound = bounds[key] === undefined ? "" : `<= ${bounds[key]}`;
    return [label, ...numbers.map((number) => number.toFixed(2)), bound];
  });
  printTable([name, "cameo", "diffusers", "ratio", "bound"], rows);
  console.log();
}

const results = { ...machine(options.threads), size: options.size, frames: options.frames, cases: {} };
for (const [name, flags] of Object.entries(cases)) {
  if (options.only !== undefined && options.only !== name) continue;
  results.cases[name] = await compare(flags);
  print(name, results.cases[name]);
  await saveResults("full_size", results);
}
const isBroken = ({ ratios }) => Object.entries(bounds).some(([key, bound]) => ratios[key] > bound);
process.exitCode = Object.values(results.cases).some(isBroken) ? 1 : 0;
