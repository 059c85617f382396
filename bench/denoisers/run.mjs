// One evaluation of the denoisers in models.json against diffusers': random weights at the published widths, 256x256, both
// branches of guidance. Both in turn, each time in a process of its own. Writes bench/results/denoisers.json and .webp, and
// exits with 1 where a bound is broken.
//
//     pip install -r bench/requirements.txt && npm run compile -- --tests
//     node bench/denoisers/run.mjs [--repeats 3] [--python python3] [--only svd-fp32,svd-bf16]
//
// The machine should have nothing else to do, and 12 GiB of memory free; where it has, the time of all cores says more.
import { readFileSync } from "node:fs";
import { compareSides, readOptions } from "../comparison.mjs";

const { options } = readOptions({ python: "python3" });
const models = JSON.parse(readFileSync(new URL("models.json", import.meta.url), "utf8"));

const bounds = { evaluationSeconds: 0.6, workBytes: 0.8 };
const cases = Object.keys(models).flatMap((name) =>
  ["fp32", "bf16"].map((dtype) => {
    const settings = [name, "--dtype", dtype];
    const sides = {
      cameo: [process.execPath, "denoisers/cameo_forward.mjs", ...settings],
      diffusers: [options.python, "denoisers/diffusers_forward.py", ...settings],
    };
    return [`${name}-${dtype}`, { sides, bounds }];
  }),
);
await compareSides({
  name: "denoisers",
  title: "A denoiser's evaluation: part of diffusers' time and memory",
  cases: Object.fromEntries(cases),
  measures: {
    evaluationSeconds: "an evaluation, s",
    evaluationCpuSeconds: "the same of all cores, s",
    workBytes: "memory beside the weights, GiB",
    peakBytes: "memory with the weights, GiB",
  },
  options,
});
