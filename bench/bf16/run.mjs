// bf16 against fp32, full size, on a processor with AMX: times, memory and how far the last latents are apart; both in turn,
// each time in a process of its own. Writes bench/results/bf16.json and exits with 1 where the bound is broken.
//
//     pip install -r bench/requirements.txt && python bench/full_size/make_model.py FOLDER --subject
//     node bench/bf16/run.mjs FOLDER [--repeats 3] [--steps 3] [--only animatediff|subject]
//
// The machine should have nothing else to do, and 9 GiB of memory free.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "#ts/median.js";
import { machine, measure, printTable, saveResults } from "../report.mjs";

const text = { type: "string" };
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repeats: { ...text, default: "3" },
    steps: { ...text, default: "3" },
    frames: { ...text, default: "16" },
    size: { ...text, default: "256" },
    threads: { ...text, default: "2" },
    only: text,
  },
});
const bound = 0.35;
const dtypes = ["bf16", "fp32"];
const cases = { animatediff: [], subject: ["--pisa"] };
const labels = {
  evaluationSeconds: "a UNet evaluation, s",
  decodeSeconds: "decoding all frames, s",
  sampleSeconds: "whole job, s",
  samplePeakBytes: "peak while sampling, GiB",
};

async function readLatents(file) {
  const bytes = await readFile(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { latents } = JSON.parse(bytes.toString("utf8", 8, start));
  if (latents?.dtype !== "F32") throw new Error(`${file}: its latents are not fp32`);
  const [from, to] = latents.data_offsets;
  return new Float32Array(Uint8Array.prototype.slice.call(bytes, start + from, start + to).buffer);
}

/** Root of the mean square of a's difference from b, in b's. */
function relativeDifference(a, b) {
  let difference = 0;
  let whole = 0;
  for (const [i, value] of b.entries()) {
    difference += (a[i] - value) ** 2;
    whole += value ** 2;
  }
  return Math.sqrt(difference / whole);
}

/** The first evaluation also warms the allocator up: it is left out. */
function summarise(runs) {
  const summary = {};
  for (const key of Object.keys(labels)) summary[key] = median(runs.flatMap((run) => run[key]));
  return { ...summary, evaluationSeconds: median(runs.flatMap((run) => run.evaluationSeconds.slice(1))) };
}

async function compare(flags, folder) {
  const { steps, frames, size } = options;
  const latents = Object.fromEntries(dtypes.map((dtype) => [dtype, join(folder, `${dtype}.safetensors`)]));
  const runs = Object.fromEntries(dtypes.map((dtype) => [dtype, []]));
  for (let i = 0; i < Number(options.repeats); i++) {
    for (const dtype of dtypes) {
      const settings = ["--steps", steps, "--frames", frames, "--size", size, "--dtype", dtype];
      const command = [process.execPath, "full_size/cameo_sample.mjs", positionals[0], ...settings, ...flags];
      runs[dtype].push(await measure([...command, "--latents", latents[dtype]], options.threads));
    }
  }
  const medians = Object.fromEntries(dtypes.map((dtype) => [dtype, summarise(runs[dtype])]));
  const ratios = {};
  for (const key of Object.keys(labels)) ratios[key] = medians.bf16[key] / medians.fp32[key];
  const apart = relativeDifference(await readLatents(latents.bf16), await readLatents(latents.fp32));
  return { medians, ratios, latentsApart: apart, runs };
}

function print(name, { medians, ratios, latentsApart }) {
  const rows = Object.entries(labels).map(([key, label]) => {
    const unit = key.endsWith("Bytes") ? 2 ** 30 : 1;
    const numbers = [...dtypes.map((dtype) => medians[dtype][key] / unit), ratios[key]];
    const limit = key === "evaluationSeconds" ? `<= ${bound}` : "";
    return [label, ...numbers.map((number) => number.toFixed(2)), limit];
  });
  printTable([name, ...dtypes, "ratio", "bound"], rows);
  console.log(`last latents: ${(100 * latentsApart).toFixed(1)} % apart (rms)\n`);
}

const results = { ...machine(options.threads), size: options.size, frames: options.frames, cases: {} };
const folder = await mkdtemp(join(tmpdir(), "cameo-bf16-"));
try {
  for (const [name, flags] of Object.entries(cases)) {
    if (options.only !== undefined && options.only !== name) continue;
    results.cases[name] = await compare(flags, folder);
    print(name, results.cases[name]);
    await saveResults("bf16", results);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const isBroken = ({ ratios }) => ratios.evaluationSeconds > bound;
process.exitCode = Object.values(results.cases).some(isBroken) ? 1 : 0;
