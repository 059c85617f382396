// Denoises until it is told to stop, and prints when each step ended (ms, a clock that all processes share).
//
//     node bench/contention/steps.mjs shipped|half|full [--frames 4] [--size 256] [--steps N]
//
// Prints "ready" once the model is loaded and begins with the first line on stdin. Ends after N steps, or with the second
// line. `half` and `full` have Stable Diffusion 1.5's layout at half and at full width, with random weights.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { openModel } from "#ts/cli/bench/model.js";
import { requestOf, workOf } from "#ts/cli/bench/work.js";
import { runTask } from "#ts/task.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    frames: { type: "string", default: "4" },
    size: { type: "string", default: "256" },
    steps: { type: "string", default: "1000" },
  },
});
const widths = { half: 0.5, full: 1 };
const width = widths[positionals[0]];
const layout = width === undefined ? {} : { layout: { width, maxFrames: 32 } };
const { native, description } = await openModel({ ...layout, options: { device: "cpu" } });
const size = Number(options.size);
const wanted = { width: size, height: size, frames: Number(options.frames), steps: Number(options.steps) };
const request = requestOf(workOf(description, wanted), description.textPositions);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
console.log("ready");
await lines.next();
const times = [];
const stop = new AbortController();
lines.next().then(() => stop.abort());
await runTask((report) => native.sample(request, report), {
  signal: stop.signal,
  onProgress: ({ phase }) => {
    if (phase === "decode") stop.abort();
    if (phase === "denoise" && !stop.signal.aborted) times.push(performance.timeOrigin + performance.now());
  },
  toError: (error) => error,
}).catch((error) => {
  if (error.code !== "ERR_ABORTED") throw error;
});
console.log(JSON.stringify(times));
await native.close();
process.exit();
