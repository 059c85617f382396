// Times `Pipeline.load` of make_model.py's fp16 files, libtorch and the tokenizer included, from a fresh process.
//
//     OMP_NUM_THREADS=2 node bench/load/cameo_load.mjs FOLDER [--dtype fp32]
//
// Prints the seconds as one line of JSON; `tensorSeconds` is the part after the first tensor.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { dtype: { type: "string", default: "fp32" } },
});
const folder = positionals[0];
// Opens libtorch, which is no part of reading weights; nor is importing torch in the other side's time.
await Pipeline.load({ base: join(folder, "nothing"), device: "cpu" }).catch(() => {});
let firstTensor;
let lastTensor;
const start = performance.now();
const pipe = await Pipeline.load({
  base: join(folder, "sd15"),
  motion: join(folder, "motion"),
  device: "cpu",
  dtype: options.dtype,
  onProgress: () => {
    lastTensor = performance.now();
    firstTensor ??= lastTensor;
  },
});
const end = performance.now();
console.log(
  JSON.stringify({ loadSeconds: (end - start) / 1000, tensorSeconds: (lastTensor - firstTensor) / 1000 }),
);
await pipe.close();
