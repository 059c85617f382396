// AnimateDiff at full size against stable-diffusion.cpp on the CPU: the denoising, the decoding and the whole job, both
// sides in turn, each time in a process of its own. It has no reference-aware attention, so neither side has a subject.
// Writes bench/results/stable_diffusion_cpp.json and .webp, and exits with 1 where the bound is broken.
//
//     git clone --recursive https://github.com/leejet/stable-diffusion.cpp SOURCE
//     python bench/full_size/make_model.py FOLDER
//     node bench/stable_diffusion_cpp/run.mjs FOLDER --source SOURCE [--frames 8,16] [--repeats 3] [--steps 2] [--flash]
//
// Builds sd-cli in SOURCE/build for this processor, where that isn't there; --cli PATH takes one that was built. Weights
// are the same fp16 files; it computes with them as they are, cameo in fp32. --flash: with its flash attention, too; the
// ratio is then to the faster of the two.
// The machine should have nothing else to do.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { compareSides, readOptions } from "../comparison.mjs";
import { writeModelFiles } from "./model_files.mjs";

const { options, positionals } = readOptions({
  source: undefined,
  cli: undefined,
  frames: "8,16",
  size: "256",
  steps: "2",
  flash: false,
});
const [folder] = positionals;

function buildCli(source) {
  const build = resolve(source, "build");
  const cli = join(build, "bin", "sd-cli");
  if (existsSync(cli)) return cli;
  const run = (...args) => execFileSync("cmake", args, { stdio: "inherit" });
  const settings = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DSD_WEBP=OFF", "-DSD_WEBM=OFF"];
  run("-S", source, "-B", build, ...settings);
  run("--build", build, "--target", "sd-cli");
  return cli;
}

const cli = resolve(options.cli ?? buildCli(options.source));
await writeModelFiles(folder);

function caseOf(frames) {
  const settings = [folder, "--steps", options.steps, "--frames", frames, "--size", options.size];
  const cpp = [process.execPath, "stable_diffusion_cpp/sample.mjs", ...settings, "--cli", cli];
  const sides = {
    cameo: [process.execPath, "full_size/cameo_sample.mjs", ...settings],
    "stable-diffusion.cpp": cpp,
    ...(options.flash && { "with flash attention": [...cpp, "--flash"] }),
  };
  return [`${frames} frames`, { sides, bounds: { sampleSeconds: 0.35 } }];
}

await compareSides({
  name: "stable_diffusion_cpp",
  title: "AnimateDiff at full size: part of stable-diffusion.cpp's time and memory",
  cases: Object.fromEntries(options.frames.split(",").map(caseOf)),
  measures: {
    denoiseSeconds: "denoising, s",
    decodeSeconds: "decoding, s",
    sampleSeconds: "whole job, s",
    samplePeakBytes: "peak, GiB",
  },
  options,
});
