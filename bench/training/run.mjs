// A training step against plain PyTorch: time and peak memory, with and without gradient checkpointing; both sides in
// turn, each time in a process of its own. Writes bench/results/training.json and exits with 1 where a bound is broken.
//
//     pip install -r bench/requirements.txt && python bench/training/make_training_model.py FOLDER
//     node bench/training/run.mjs FOLDER [--python python3] [--repeats 3] [--steps 3]
//
// The machine should have nothing else to do.
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
  },
});
const cameo = [process.execPath, "training/cameo_train.mjs"];
const pytorch = [options.python, "training/pytorch_train.py"];
const variants = {
  cameo: cameo,
  pytorch: pytorch,
  "cameo, checkpointing": [...cameo, "--checkpointing"],
  "pytorch, checkpointing": [...pytorch, "--checkpointing"],
};
/** Against plain PyTorch. */
const bounds = {
  cameo: { stepSeconds: 0.9, peakBytes: 0.75 },
  "cameo, checkpointing": { peakBytes: 0.5 },
};

/** The first step also warms the allocator up: it is left out. */
function summarise(runs) {
  return {
    stepSeconds: median(runs.flatMap((run) => run.stepSeconds.slice(1))),
    peakBytes: median(runs.map((run) => run.peakBytes)),
    idleBytes: median(runs.map((run) => run.idleBytes)),
  };
}

async function measureAll() {
  const runs = Object.fromEntries(Object.keys(variants).map((name) => [name, []]));
  const { steps, frames, size } = options;
  for (let i = 0; i < Number(options.repeats); i++) {
    for (const [name, [program, script, ...flags]] of Object.entries(variants)) {
      const settings = ["--steps", steps, "--frames", frames, "--size", size];
      runs[name].push(
        await measure([program, script, positionals[0], ...settings, ...flags], options.threads),
      );
    }
  }
  return runs;
}

/** A number, its part of plain PyTorch's, and the bound of that, if there is one. */
function cells(medians, name, key, unit) {
  const ratio = medians[name][key] / medians.pytorch[key];
  const bound = bounds[name]?.[key];
  return [
    (medians[name][key] / unit).toFixed(2),
    `${ratio.toFixed(2)}${bound === undefined ? "" : ` (<= ${bound})`}`,
  ];
}

const runs = await measureAll();
const medians = Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, summarise(all)]));
const head = ["", "step, s", "of pytorch", "peak, GiB", "of pytorch", "before, GiB"];
const rows = Object.keys(variants).map((name) => [
  name,
  ...cells(medians, name, "stepSeconds", 1),
  ...cells(medians, name, "peakBytes", 2 ** 30),
  (medians[name].idleBytes / 2 ** 30).toFixed(2),
]);
printTable(head, rows);
const { size, frames } = options;
await saveResults("training", { ...machine(options.threads), size, frames, medians, runs });
const isBroken = ([name, of]) =>
  Object.entries(of).some(([key, bound]) => medians[name][key] > bound * medians.pytorch[key]);
process.exitCode = Object.entries(bounds).some(isBroken) ? 1 : 0;
