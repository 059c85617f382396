// A training step against PyTorch: time and peak memory, with and without gradient checkpointing; both sides in turn, each
// time in a process of its own. Writes bench/results/training.json and .webp, and exits with 1 where a bound is broken.
//
//     pip install -r bench/requirements.txt && python bench/training/make_training_model.py FOLDER
//     node bench/training/run.mjs FOLDER [--python python3] [--repeats 3] [--steps 3] [--only plain|checkpointing]
//
// The machine should have nothing else to do.
import { compareSides, readOptions } from "../comparison.mjs";

const { options, positionals } = readOptions({ python: "python3", steps: "3", frames: "16", size: "256" });
const { python, steps, frames, size } = options;
const settings = [...positionals, "--steps", steps, "--frames", frames, "--size", size];

function sidesWith(...flags) {
  return {
    cameo: [process.execPath, "training/cameo_train.mjs", ...settings, ...flags],
    pytorch: [python, "training/pytorch_train.py", ...settings, ...flags],
  };
}

await compareSides({
  name: "training",
  title: "A training step: part of PyTorch's time and memory",
  cases: {
    plain: { sides: sidesWith(), bounds: { stepSeconds: 0.9, peakBytes: 0.75 } },
    checkpointing: { sides: sidesWith("--checkpointing"), bounds: { peakBytes: 0.5 } },
  },
  measures: { stepSeconds: "a step, s", peakBytes: "peak, GiB", idleBytes: "before the first step, GiB" },
  options,
});
