// Memory and speed of the processes that read clips, with a small film and with a large one of the same kind.
//
//   node bench/films/films.mjs [--dist DIST] [--samples 20] [--mebibytes 500]
//
// needs ffmpeg. DIST is the build that is measured, by default this one's: with that of another checkout, both are
// compared. The films are 720p H.264, and lie in a temporary folder that is removed.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { values } = parseArgs({
  options: {
    dist: { type: "string", default: join(root, "dist") },
    samples: { type: "string", default: "20" },
    mebibytes: { type: "string", default: "500" },
  },
});
const samples = Number(values.samples);
const { TrainingData } = await import(pathToFileURL(join(resolve(values.dist), "data", "index.js")).href);

function ffmpeg(...args) {
  execFileSync("ffmpeg", ["-v", "error", "-y", ...args], { stdio: ["ignore", "inherit", "inherit"] });
}

/** 10 s of some 5 MiB. */
function makeSmall(path) {
  const source = "testsrc2=s=1280x720:r=30:d=10,noise=alls=4:allf=t,format=yuv420p";
  ffmpeg(
    "-f",
    "lavfi",
    "-i",
    source,
    "-c:v",
    "libx264",
    "-preset",
    "fast",
    "-b:v",
    "4200k",
    "-g",
    "60",
    path,
  );
}

/** The same again and again. */
function makeLarge(path, small) {
  const times = Math.ceil((Number(values.mebibytes) * 2 ** 20) / statSync(small).size);
  ffmpeg("-stream_loop", String(times - 1), "-i", small, "-c", "copy", path);
}

/** MiB that this process's children have held at most. */
function peakOfChildren() {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
  const peaks = children.map(
    (pid) => /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1],
  );
  return Math.round(Math.max(...peaks.map(Number)) / 1024);
}

function recipe(source) {
  const sizes = { frames: 16, stride: 1, size: [[256, 256]] };
  const drawn = { fit: "crop", cropPosition: "random", start: "random" };
  const references = { count: 1, candidates: 4, highlight: false, flip: 0, affine: false };
  const rest = { layout: "folder", caption: "a video of {class}", references, workers: 1, prefetch: 1 };
  return { source, ...sizes, ...drawn, ...rest };
}

async function measure(path) {
  const folder = dirname(path);
  writeFileSync(path.replace(/\.mp4$/, ".txt"), "A clip.");
  const data = await TrainingData.open(recipe(folder), {
    kind: "subject",
    tokenizer: join(root, "test", "fixtures", "tokens"),
    ...{ textPositions: 16, latentScale: 8, latentChannels: 4, seed: 7, batch: 1, cacheKey: "vae" },
    onSkip: (_, { message }) => console.error(message),
  });
  let [taken, start] = [0, 0];
  for await (const _ of data.batches({ first: 0, stride: 1 })) {
    // The first one starts the process and loads the libraries.
    if (taken === 0) start = performance.now();
    if (taken++ === samples) break;
  }
  const secondsPerSample = (performance.now() - start) / 1000 / samples;
  const result = { mebibytes: Math.round(statSync(path).size / 2 ** 20), peakMiB: peakOfChildren() };
  await data.close();
  return { ...result, secondsPerSample: Number(secondsPerSample.toFixed(3)) };
}

const folder = mkdtempSync(join(tmpdir(), "cameo-films-"));
try {
  for (const name of ["small", "large"]) mkdirSync(join(folder, name));
  const [small, large] = ["small", "large"].map((name) => join(folder, name, "clip.mp4"));
  makeSmall(small);
  makeLarge(large, small);
  const report = { dist: resolve(values.dist), small: await measure(small), large: await measure(large) };
  console.log(JSON.stringify({ ...report, moreMiB: report.large.peakMiB - report.small.peakMiB }, null, 2));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
