// AnimateDiff at full size against stable-diffusion.cpp on the CPU: the denoising, the decoding and the whole job, both
// sides in turn, each time in a process of its own. It has no reference-aware attention, so neither side has a subject.
// Writes bench/results/stable_diffusion_cpp.json and exits with 1 where the bound is broken.
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
import { parseArgs } from "node:util";
import { median } from "#ts/median.js";
import { machine, measure, printTable, saveResults } from "../report.mjs";
import { writeModelFiles } from "./model_files.mjs";

const text = { type: "string" };
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    source: text,
    cli: text,
    frames: { ...text, default: "8,16" },
    size: { ...text, default: "256" },
    repeats: { ...text, default: "3" },
    steps: { ...text, default: "2" },
    threads: { ...text, default: "2" },
    flash: { type: "boolean", default: false },
  },
});
const [folder] = positionals;
const bound = 0.35;
const labels = {
  denoiseSeconds: "denoising, s",
  decodeSeconds: "decoding, s",
  sampleSeconds: "whole job, s",
  peakBytes: "peak, GiB",
};

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

/** What both sides say, in the same words. */
function common({ evaluationSeconds, samplePeakBytes, ...report }) {
  if (evaluationSeconds === undefined) return report;
  const denoiseSeconds = evaluationSeconds.reduce((sum, seconds) => sum + seconds, 0);
  return { ...report, denoiseSeconds, peakBytes: samplePeakBytes };
}

async function compare(sides, frames) {
  const runs = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  for (let i = 0; i < Number(options.repeats); i++) {
    for (const [side, command] of Object.entries(sides)) {
      const settings = ["--steps", options.steps, "--frames", frames, "--size", options.size];
      runs[side].push(common(await measure([...command, ...settings], options.threads)));
    }
  }
  const medians = {};
  for (const [side, all] of Object.entries(runs)) {
    medians[side] = Object.fromEntries(
      Object.keys(labels).map((key) => [key, median(all.map((run) => run[key]))]),
    );
  }
  const { cameo, ...others } = medians;
  const fastest = Math.min(...Object.values(others).map(({ sampleSeconds }) => sampleSeconds));
  return { medians, ratio: cameo.sampleSeconds / fastest, runs };
}

function print(frames, { medians, ratio }) {
  const rows = Object.entries(labels).map(([key, label]) => {
    const unit = key.endsWith("Bytes") ? 2 ** 30 : 1;
    return [label, ...Object.values(medians).map((side) => (side[key] / unit).toFixed(2))];
  });
  printTable([`${frames} frames`, ...Object.keys(medians)], rows);
  console.log(`whole job: ${ratio.toFixed(3)} x (bound ${bound})\n`);
}

const cli = options.cli ?? buildCli(options.source);
await writeModelFiles(folder);
const cpp = [process.execPath, "stable_diffusion_cpp/sample.mjs", folder, "--cli", resolve(cli)];
const sides = {
  cameo: [process.execPath, "full_size/cameo_sample.mjs", folder],
  "stable-diffusion.cpp": cpp,
  ...(options.flash && { "with flash attention": [...cpp, "--flash"] }),
};
const { size, steps } = options;
const results = { ...machine(options.threads), size, steps, frames: {} };
for (const frames of options.frames.split(",")) {
  results.frames[frames] = await compare(sides, frames);
  print(frames, results.frames[frames]);
  await saveResults("stable_diffusion_cpp", results);
}
process.exitCode = Object.values(results.frames).some(({ ratio }) => ratio > bound) ? 1 : 0;
