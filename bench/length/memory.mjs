// The peak of resident memory of a process that streams a film of so many frames, made in windows, each in a process of its own.
//
//     node bench/length/memory.mjs [--frames 16,64,256] [--context 16:4] [--steps 2] [--size 128]
//
// It is the model that ships. Exits with 1 where a longer film takes more than 5 % more than the first.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";
import { printTable } from "../report.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    frames: { ...text, default: "16,64,256" },
    context: { ...text, default: "16:4" },
    steps: { ...text, default: "2" },
    size: { ...text, default: "128" },
    alone: { type: "boolean", default: false },
  },
});
const bound = 1.05;

/** Makes one film and prints the peak, in bytes. */
async function makeOne() {
  const [length, overlap] = values.context.split(":").map(Number);
  const side = Number(values.size);
  const pipe = await Pipeline.load({ device: "cpu" });
  const request = { prompt: "a critter runs", reference: "examples/critter.png", seed: 1 };
  const sizes = { frames: Number(values.frames), width: side, height: side, steps: Number(values.steps) };
  const film = await pipe.stream({ ...request, ...sizes, context: { length, overlap } });
  let count = 0;
  for await (const frame of film) count += frame.length > 0 ? 1 : 0;
  if (count !== sizes.frames) throw new Error(`${count} of ${sizes.frames} frames`);
  await pipe.close();
  console.log(process.resourceUsage().maxRSS * 1024);
}

function measure(frames) {
  const { context, steps, size } = values;
  const args = [
    "--alone",
    ...["--frames", frames],
    ...["--context", context, "--steps", steps, "--size", size],
  ];
  const { stdout, status, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...args]);
  if (status !== 0) throw new Error(String(stderr));
  return Number(stdout);
}

if (values.alone) await makeOne();
else {
  const peaks = values.frames.split(",").map((frames) => [frames, measure(frames)]);
  const first = peaks[0][1];
  printTable(
    ["frames", "peak, MiB", "of the first"],
    peaks.map(([frames, bytes]) => [frames, (bytes / 2 ** 20).toFixed(0), (bytes / first).toFixed(3)]),
  );
  process.exitCode = peaks.every(([, bytes]) => bytes / first <= bound) ? 0 : 1;
}
