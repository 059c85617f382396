// One evaluation of CogVideoX-2B's transformer, at its width and with some of its 30 layers, against diffusers': random
// weights, 256x256 and 9 frames, both branches of guidance. Both in turn, each time in a process of its own. Writes
// bench/results/dit.json and .webp, and exits with 1 where a bound is broken.
//
//     pip install -r bench/requirements.txt && npm run compile -- --tests
//     node bench/dit/run.mjs [--repeats 3] [--layers 8] [--python python3] [--only fp32,bf16]
//
// The machine should have nothing else to do, and 6 GiB of memory free.
import { compareSides, readOptions } from "../comparison.mjs";

const { options } = readOptions({ layers: "8", python: "python3" });

function sidesIn(dtype) {
  const settings = ["--layers", options.layers, "--dtype", dtype];
  return {
    cameo: [process.execPath, "dit/cameo_forward.mjs", ...settings],
    diffusers: [options.python, "dit/diffusers_forward.py", ...settings],
  };
}

const bounds = { evaluationSeconds: 0.6, workBytes: 0.8 };
await compareSides({
  name: "dit",
  title: "CogVideoX-2B's transformer: part of diffusers' time and memory",
  cases: { fp32: { sides: sidesIn("fp32"), bounds }, bf16: { sides: sidesIn("bf16"), bounds } },
  measures: {
    evaluationSeconds: "an evaluation, s",
    workBytes: "memory beside the weights, GiB",
    peakBytes: "memory with the weights, GiB",
  },
  options,
});
