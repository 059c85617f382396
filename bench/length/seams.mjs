// Whether long films show where their windows meet: how much each frame differs from the next, at the borders of windows
// and elsewhere; how much its colours differ from the reference's; and of a loop, from its last frame to its first.
//
//     node bench/length/seams.mjs [--frames 64] [--context 16:4] [--steps 20] [--size 128] [--seeds 3]
//         [--reference IMAGE] [--prompt TEXT] [--only WORDS]
//
// It is the model that ships. Numbers are means over seeds, in parts of the median difference between neighbours.
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";
import { printTable } from "../report.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    frames: { ...text, default: "64" },
    context: { ...text, default: "16:4" },
    steps: { ...text, default: "20" },
    size: text,
    seeds: { ...text, default: "3" },
    reference: { ...text, default: "examples/critter.png" },
    prompt: { ...text, default: "a critter runs on a beach" },
    only: text,
  },
});
const [length, overlap] = values.context.split(":").map(Number);
const [frames, steps, seeds] = [values.frames, values.steps, values.seeds].map(Number);
const stride = length - overlap;

/** Where a film of standard windows goes from one window to the next: the pairs of frames across each end. */
function borders() {
  const starts = Array.from({ length: Math.ceil((frames - length) / stride) }, (_, i) =>
    Math.min((i + 1) * stride, frames - length),
  );
  return new Set(starts.flatMap((start, i) => [start - 1, i * stride + length - 1]));
}

const frameOf = ({ frames, width, height }, i) => {
  const size = 3 * width * height;
  return frames.subarray(i * size, (i + 1) * size);
};

function difference(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;

/** The mean colour of a frame's middle, where the subject is. */
function colour(video, i) {
  const frame = frameOf(video, i);
  const sums = [0, 0, 0];
  let count = 0;
  for (let y = video.height >> 2; y < 3 * (video.height >> 2); y++) {
    for (let x = video.width >> 2; x < 3 * (video.width >> 2); x++, count++) {
      for (let c = 0; c < 3; c++) sums[c] += frame[3 * (y * video.width + x) + c];
    }
  }
  return sums.map((sum) => sum / count);
}

function measure(video) {
  const pairs = Array.from({ length: video.count - 1 }, (_, i) =>
    difference(frameOf(video, i), frameOf(video, i + 1)),
  );
  const colours = Array.from({ length: video.count }, (_, i) => colour(video, i));
  const jumps = pairs.map((_, i) => Math.hypot(...colours[i].map((c, k) => c - colours[i + 1][k])));
  const across = borders();
  const part = (list) => {
    const own = list.filter((_, i) => across.has(i));
    return own.length === 0 ? 0 : mean(own) / median(list);
  };
  return {
    border: part(pairs),
    colour: part(jumps),
    largest: Math.max(...pairs) / median(pairs),
    seam: difference(frameOf(video, video.count - 1), frameOf(video, 0)) / median(pairs),
    motion: median(pairs),
  };
}

const windows = { length, overlap };
const kinds = {
  "one window": { frames: length },
  "one window, rotated": {
    frames: length,
    context: { length, overlap: 0, schedule: "looped" },
  },
  "one window, loop": { frames: length, loop: true },
  standard: { frames, context: windows },
  uniform: { frames, context: { ...windows, schedule: "uniform" } },
  "uniform, stride 2": { frames, context: { ...windows, schedule: "uniform", stride: 2 } },
  "windows, loop": { frames, context: windows, loop: true },
  FreeNoise: { frames, noise: "freenoise" },
};
const pipe = await Pipeline.load({ device: "cpu" });
const { prompt, reference, size } = values;
const rows = [];
for (const [name, how] of Object.entries(kinds)) {
  if (values.only !== undefined && !name.includes(values.only)) continue;
  const measured = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const sides = size === undefined ? {} : { width: Number(size), height: Number(size) };
    measured.push(measure(await pipe.sample({ prompt, reference, steps, seed, ...sides, ...how })));
  }
  const of = (key) => mean(measured.map((each) => each[key])).toFixed(2);
  rows.push([name, how.frames, ...["border", "colour", "largest", "seam", "motion"].map(of)]);
  console.error(rows.at(-1).join("  "));
}
printTable(
  ["windows", "frames", "at borders", "colour at borders", "largest", "last to first", "grey levels a frame"],
  rows,
);
await pipe.close();
