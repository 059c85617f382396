// Full size against diffusers: time of a UNet evaluation, of the decoding and of the whole job, peak memory, time to load;
// both sides in turn, each time in a process of its own. Writes bench/results/full_size.json and .webp, and exits with 1 where a
// bound is broken.
//
//     pip install -r bench/requirements.txt && python bench/full_size/make_model.py FOLDER --subject
//     node bench/full_size/run.mjs FOLDER [--python python3] [--repeats 3] [--steps 4] [--only animatediff|subject]
//
// The machine should have nothing else to do, and 13 GiB of memory free: diffusers needs them while it loads.
import { compareSides, readOptions } from "../comparison.mjs";

const { options, positionals } = readOptions({ python: "python3", steps: "4", frames: "16", size: "256" });
const { python, steps, frames, size } = options;
const settings = [...positionals, "--steps", steps, "--frames", frames, "--size", size];
const bounds = { evaluationSeconds: 0.7, decodeSeconds: 0.65, sampleSeconds: 0.7, samplePeakBytes: 0.8 };

function sidesWith(...flags) {
  return {
    cameo: [process.execPath, "full_size/cameo_sample.mjs", ...settings, ...flags],
    diffusers: [python, "full_size/diffusers_sample.py", ...settings, ...flags],
  };
}

await compareSides({
  name: "full_size",
  title: "Full size: part of diffusers' time and memory",
  cases: {
    animatediff: { sides: sidesWith(), bounds },
    subject: { sides: sidesWith("--pisa"), bounds },
  },
  measures: {
    evaluationSeconds: "a UNet evaluation, s",
    decodeSeconds: "decoding all frames, s",
    sampleSeconds: "whole job, s",
    samplePeakBytes: "peak while sampling, GiB",
    loadPeakBytes: "peak while loading, GiB",
    loadSeconds: "loading, s",
  },
  options,
});
