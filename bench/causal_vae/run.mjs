// What decoding by the VAE of CogVideoX takes, with random weights at its published size: its memory over a film's length, and with
// --python its time and memory against diffusers'. Both sides in turn, each in a process of its own; medians.
//
//     npm run compile -- --tests
//     node bench/causal_vae/run.mjs [--python python3] [--side 256] [--frames 9] [--repeats 3] [--threads 2]
//
// Writes bench/results/causal_vae.json. The machine should have nothing else to do; where it has, "CPU" is what to compare.
import { parseArgs } from "node:util";
import { median } from "#ts/median.js";
import { machine, measure, printTable, saveResults } from "../report.mjs";

const { values: options } = parseArgs({
  options: {
    python: { type: "string" },
    side: { type: "string", default: "256" },
    frames: { type: "string", default: "9" },
    repeats: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
  },
});

const published = { block_out_channels: [128, 256, 256, 512], layers_per_block: 3, latent_channels: 16 };
const bounds = { seconds: 0.6, megabytes: 0.7, growth: 1.1 };

function work(frames, side) {
  const latents = (frames - 1) / 4 + 1;
  return JSON.stringify({
    vae: published,
    latents,
    height: side / 8,
    width: side / 8,
    tiles: false,
    seed: 1,
  });
}

const cameo = (given) => measure([process.execPath, "causal_vae/decode.mjs", given], options.threads);
const diffusers = (given) =>
  measure([options.python, "causal_vae/diffusers_decode.py", given], options.threads);

function medians(runs) {
  const of = (name) => median(runs.map((run) => run[name]));
  return {
    seconds: of("seconds"),
    cpuSeconds: of("cpuSeconds"),
    megabytes: of("megabytes"),
    frames: runs[0].frames,
  };
}

/** Films of two lengths with small pictures: memory is that of a chunk. */
async function overLength() {
  const [short, long] = [await cameo(work(17, 64)), await cameo(work(49, 64))];
  return { short, long, growth: long.megabytes / short.megabytes };
}

async function against() {
  const given = work(Number(options.frames), Number(options.side));
  const sides = { cameo: [], diffusers: [] };
  for (let i = 0; i < Number(options.repeats); i++) {
    sides.cameo.push(await cameo(given));
    sides.diffusers.push(await diffusers(given));
  }
  const [ours, theirs] = [medians(sides.cameo), medians(sides.diffusers)];
  const part = (name) => ours[name] / theirs[name];
  const ratios = {
    seconds: part("seconds"),
    cpuSeconds: part("cpuSeconds"),
    megabytes: part("megabytes"),
  };
  return { cameo: ours, diffusers: theirs, ratios, runs: sides };
}

const results = {
  ...machine(options.threads),
  side: options.side,
  frames: options.frames,
  length: await overLength(),
};
const { short, long, growth } = results.length;
const row = (name, { frames, seconds, cpuSeconds, megabytes }) => [
  name,
  String(frames),
  seconds.toFixed(1),
  cpuSeconds.toFixed(1),
  megabytes.toFixed(0),
];
const rows = [row("64x64", short), row("64x64", long)];
if (options.python) {
  results.against = await against();
  rows.push(
    row(`cameo, ${options.side}x${options.side}`, results.against.cameo),
    row(`diffusers, ${options.side}x${options.side}`, results.against.diffusers),
  );
}
printTable(["", "frames", "s", "CPU, s", "MB"], rows);
console.log(`memory of 49 frames by that of 17: ${growth.toFixed(2)} (<= ${bounds.growth})`);
const ratios = results.against?.ratios;
if (ratios) {
  console.log(
    `of diffusers: time ${ratios.seconds.toFixed(2)} (<= ${bounds.seconds}), memory ${ratios.megabytes.toFixed(2)} (<= ${bounds.megabytes})`,
  );
}
await saveResults("causal_vae", results);
const isBroken =
  growth > bounds.growth ||
  (ratios && (ratios.seconds > bounds.seconds || ratios.megabytes > bounds.megabytes));
process.exitCode = isBroken ? 1 : 0;
