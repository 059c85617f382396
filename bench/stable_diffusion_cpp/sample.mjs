// Samples one AnimateDiff video with stable-diffusion.cpp, and prints times and memory as one line of JSON.
//
//     node bench/stable_diffusion_cpp/sample.mjs FOLDER --cli PATH [--steps 2] [--frames 16] [--size 256] [--flash]
//
// FOLDER is make_model.py's, and has been through model_files.mjs; PATH is sd-cli. Times are those that it logs.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const text = { type: "string" };
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cli: text,
    steps: { ...text, default: "2" },
    frames: { ...text, default: "16" },
    size: { ...text, default: "256" },
    flash: { type: "boolean", default: false },
  },
});
const base = join(positionals[0], "stable_diffusion_cpp");
const folder = await mkdtemp(join(tmpdir(), "stable-diffusion-cpp-"));

const request = {
  mode: "vid_gen",
  model: base,
  "motion-module": join(base, "motion.safetensors"),
  threads: process.env.OMP_NUM_THREADS ?? "2",
  prompt: "a person playing an acoustic guitar",
  "negative-prompt": "blurry",
  "cfg-scale": "8",
  "sampling-method": "euler",
  scheduler: "discrete",
  seed: "42",
  steps: options.steps,
  "video-frames": options.frames,
  width: options.size,
  height: options.size,
  output: join(folder, "out.avi"),
};
const flags = ["--eager-load", "--verbose", ...(options.flash ? ["--diffusion-fa"] : [])];
const args = [...Object.entries(request).flatMap(([name, value]) => [`--${name}`, value]), ...flags];

/** What it prints, and the most memory that it was seen to hold. */
function run(program) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  let peakBytes = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part) => {
      log += part;
    });
  }
  const look = setInterval(() => {
    try {
      const [, kibibytes] = readFileSync(`/proc/${child.pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/);
      peakBytes = 1024 * Number(kibibytes);
    } catch {
      // It has ended.
    }
  }, 100);
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code) => {
      clearInterval(look);
      if (code === 0) resolve({ log, peakBytes });
      else reject(new Error(`${program} ended with ${code}:\n${log.slice(-2000)}`));
    });
  });
}

try {
  const { log, peakBytes } = await run(options.cli);
  const seconds = (what) => {
    const found = log.match(new RegExp(`${what} (?:completed, taking|completed in) ([\\d.]+)s`));
    if (found === null) throw new Error(`the log does not say how long "${what}" took:\n${log.slice(-2000)}`);
    return Number(found[1]);
  };
  const report = {
    denoiseSeconds: seconds("sampling"),
    decodeSeconds: seconds("decode_first_stage"),
    sampleSeconds: seconds("generate_image"),
    samplePeakBytes: peakBytes,
  };
  console.log(JSON.stringify(report));
} finally {
  await rm(folder, { recursive: true });
}
