// A training step of a mid-size Wan transformer (wan.json: 6 layers of 512 channels, two films of 9 frames of 128x128) against
// diffusers' in PyTorch: time, and peak memory with the weights and beside them, with and without gradient checkpointing; both sides in turn,
// each time in a process of its own. Writes bench/results/training_wan.json and .webp, and exits with 1 where a bound is broken.
//
//     pip install -r bench/requirements.txt && npm run compile -- --tests
//     node bench/training/wan.mjs [--python python3] [--repeats 3] [--steps 4] [--only plain|checkpointing]
//
// Beside the weights are their gradients and AdamW's two moments, three times as much as they on either side, and activations: only
// of these one side can need less. The machine should have nothing else to do; where it has, the time of all cores says more.
import { compareSides, readOptions } from "../comparison.mjs";

const { options } = readOptions({ python: "python3", steps: "4" });
const { python, steps } = options;

function sidesWith(...flags) {
  const settings = ["--steps", steps, ...flags];
  return {
    cameo: [process.execPath, "training/wan_cameo.mjs", ...settings],
    diffusers: [python, "training/wan_pytorch.py", ...settings],
  };
}

const bounds = { stepSeconds: 0.7, peakBytes: 0.6 };
await compareSides({
  name: "training_wan",
  title: "A training step of Wan: part of PyTorch's time and memory",
  cases: {
    plain: { sides: sidesWith(), bounds },
    checkpointing: { sides: sidesWith("--checkpointing"), bounds },
  },
  measures: {
    stepSeconds: "a step, s",
    stepCpuSeconds: "the same of all cores, s",
    workBytes: "memory beside the weights, GiB",
    peakBytes: "memory with the weights, GiB",
  },
  options,
});
