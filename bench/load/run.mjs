// Loading fp16 files against reading and casting them: `Pipeline.load`, and the plain readers of read_and_cast.py on
// the same files, in turn, each time in a process of its own. Writes bench/results/load.json and exits with 1 where
// the bound (1.3 x the faster plain reader) is broken.
//
//     pip install -r bench/requirements.txt && python bench/full_size/make_model.py FOLDER
//     node bench/load/run.mjs FOLDER [--python python3] [--repeats 5] [--only fp32|bf16|fp16]
//
// The files stay in the system's cache (they are read once before), so this is about the work, not the disk.
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "#ts/median.js";
import { machine, measure, printTable, saveResults } from "../report.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python3" },
    repeats: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    only: { type: "string" },
  },
});
const folder = positionals[0];
const bound = 1.3;
const files = [
  "sd15/text_encoder/model.fp16.safetensors",
  "sd15/vae/diffusion_pytorch_model.fp16.safetensors",
  "sd15/unet/diffusion_pytorch_model.fp16.safetensors",
  "motion/diffusion_pytorch_model.fp16.safetensors",
].map((file) => join(folder, file));
const reader = (name) => [options.python, "load/read_and_cast.py", ...files, "--reader", name];
const sides = {
  cameo: [process.execPath, "load/cameo_load.mjs", folder],
  safetensors: reader("safetensors"),
  read: reader("read"),
};

async function compare(dtype) {
  const runs = {};
  for (let i = 0; i < Number(options.repeats); i++) {
    for (const [side, command] of Object.entries(sides)) {
      runs[side] ??= [];
      runs[side].push(await measure([...command, "--dtype", dtype], options.threads));
    }
  }
  const medians = {};
  for (const side of Object.keys(sides)) medians[side] = median(runs[side].map((run) => run.loadSeconds));
  return { medians, ratio: medians.cameo / Math.min(medians.safetensors, medians.read), runs };
}

for (const file of files) for await (const _ of createReadStream(file));
const results = { ...machine(options.threads), dtypes: {} };
for (const dtype of ["fp32", "bf16", "fp16"]) {
  if (options.only !== undefined && options.only !== dtype) continue;
  results.dtypes[dtype] = await compare(dtype);
}
const rows = Object.entries(results.dtypes).map(([dtype, { medians, ratio }]) => {
  return [dtype, ...[...Object.values(medians), ratio].map((number) => number.toFixed(2)), `<= ${bound}`];
});
printTable(["fp16 files to", "cameo, s", "safetensors, s", "read, s", "ratio", "bound"], rows);
await saveResults("load", results);
process.exitCode = Object.values(results.dtypes).some(({ ratio }) => ratio > bound) ? 1 : 0;
