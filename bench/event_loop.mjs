// How long the event loop is held up while a video is sampled:
// node bench/event_loop.mjs --base DIR [--motion DIR] [--subject FILE --reference IMAGE]
//   [--size 256] [--frames 16] [--steps 4]
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    base: text,
    motion: text,
    subject: text,
    reference: text,
    size: { ...text, default: "256" },
    frames: { ...text, default: "16" },
    steps: { ...text, default: "4" },
  },
});
const { base, motion, subject, reference, size, frames, steps } = values;

/** Runs `work`, and says how late the event loop was meanwhile. */
async function measure(name, work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  const result = await work();
  delay.disable();
  const milliseconds = (nanoseconds) => `${(nanoseconds / 1e6).toFixed(1)} ms`;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${name}: ${seconds} s; event loop late by ${milliseconds(delay.percentile(99))} (99 %), ` +
      `${milliseconds(delay.max)} at most`,
  );
  return result;
}

const pipe = await measure("load", () => Pipeline.load({ base, motion, subject }));
const request = {
  prompt: "A person playing an acoustic guitar.",
  reference,
  width: Number(size),
  height: Number(size),
  frames: motion ? Number(frames) : 1,
  steps: Number(steps),
  preview: true,
  onProgress() {},
};
await measure("first sample", () => pipe.sample(request));
const video = await measure("second sample", () => pipe.sample(request));
await measure("save", () => video.save("build/event_loop.webp"));
await pipe.close();
