// Loading fp16 files against reading and casting them: `Pipeline.load`, and the plain readers of read_and_cast.py on
// the same files, in turn, each time in a process of its own. Writes bench/results/load.json and .webp, and exits with 1 where
// the bound (1.3 x the faster plain reader) is broken.
//
//     pip install -r bench/requirements.txt && python bench/full_size/make_model.py FOLDER
//     node bench/load/run.mjs FOLDER [--python python3] [--repeats 5] [--only fp32|bf16|fp16]
//
// The files stay in the system's cache (they are read once before), so this is about the work, not the disk.
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { compareSides, readOptions } from "../comparison.mjs";

const { options, positionals } = readOptions({ python: "python3", repeats: "5" });
const [folder] = positionals;
const files = [
  "sd15/text_encoder/model.fp16.safetensors",
  "sd15/vae/diffusion_pytorch_model.fp16.safetensors",
  "sd15/unet/diffusion_pytorch_model.fp16.safetensors",
  "motion/diffusion_pytorch_model.fp16.safetensors",
].map((file) => join(folder, file));

function caseOf(dtype) {
  const reader = (name) => {
    return [options.python, "load/read_and_cast.py", ...files, "--reader", name, "--dtype", dtype];
  };
  const sides = {
    cameo: [process.execPath, "load/cameo_load.mjs", folder, "--dtype", dtype],
    safetensors: reader("safetensors"),
    read: reader("read"),
  };
  return [dtype, { sides, bounds: { loadSeconds: 1.3 } }];
}

for (const file of files) for await (const _ of createReadStream(file));
await compareSides({
  name: "load",
  title: "Loading: part of the faster plain reader's time",
  cases: Object.fromEntries(["fp32", "bf16", "fp16"].map(caseOf)),
  measures: { loadSeconds: "loading fp16 files, s" },
  options,
});
