import { join } from "node:path";
import { Pipeline } from "cameo";
import { test } from "tap";
import { assertClose } from "../../support/compare.js";
import { pipelineCase } from "../../support/pipeline_cases.js";
import { runProbe } from "../../support/probes.js";
import { drawInput, type Tensors } from "../../support/tensors.js";

interface Windows {
  frames: number;
  length: number;
  overlap: number;
  /** Of "standard", "uniform" and "looped". */
  schedule?: number;
  strides?: number;
  step?: number;
  /** Before and after the film's frames. */
  leading?: number;
  trailing?: number;
  /** Of "flat", "pyramid", "relative" and "sawtooth". */
  weights?: number;
}

function windows(config: Windows): Tensors {
  const { frames, leading = 0, trailing = 0 } = config;
  const x = drawInput("x", { shape: [1, leading + frames + trailing, 1, 2, 1] }, 3);
  return { x, ...runProbe("pipeline.windows", config, { x }) };
}

/** Each window's frames. */
function framesOf(config: Windows): number[][] {
  const { frames, count } = windows(config);
  const all = Array.from(frames?.data ?? [], Number);
  return Array.from(count?.data ?? [], (n) => all.splice(0, Number(n)));
}

const standard = (frames: number, length: number, overlap: number) => ({ frames, length, overlap });

test("standard windows cover all frames, the last one ends with the last", (t) => {
  const starts = (...args: [number, number, number]) => framesOf(standard(...args)).map(([first]) => first);
  t.same(starts(5, 0, 0), [0]);
  t.same(starts(5, 5, 2), [0]);
  t.same(starts(5, 8, 2), [0]);
  t.same(starts(12, 8, 4), [0, 4]);
  t.same(starts(13, 8, 2), [0, 5]);
  t.same(starts(9, 3, 0), [0, 3, 6]);
  t.same(starts(10, 3, 2), [0, 1, 2, 3, 4, 5, 6, 7]);
  t.end();
});

test("what stands before and after a film is in every window", (t) => {
  const config = { ...standard(5, 3, 1), leading: 1, trailing: 2 };
  t.same(framesOf(config), [
    [0, 1, 2, 3, 6, 7],
    [0, 3, 4, 5, 6, 7],
  ]);
  t.same(framesOf({ ...config, length: 5 }), [[0, 1, 2, 3, 4, 5, 6, 7]]);
  const { x, same, numbers } = windows(config);
  assertClose(t, same, x, 1e-6, "parts that agree are what they are");
  const alone = Array.from(windows(standard(5, 3, 1)).numbers?.data ?? [], Number);
  const film = Array.from(numbers?.data ?? [], Number).slice(2, 12);
  t.same(film, alone, "the film's frames have the shares that they have without the others");
  t.end();
});

test("where windows overlap it goes from one to the other", (t) => {
  for (const schedule of [0, 1, 2]) {
    for (const weights of [0, 1, 2, 3]) {
      for (const sizes of [standard(12, 8, 4), standard(13, 8, 2), standard(10, 3, 2), standard(8, 8, 0)]) {
        const { x, same } = windows({ ...sizes, schedule, weights, strides: 2, step: 5 });
        assertClose(t, same, x, 1e-6, "parts that agree are what they are");
      }
    }
  }
  const { numbers } = windows(standard(12, 8, 4));
  const frames = Array.from(numbers?.data ?? [], Number).filter((_, i) => i % 2 === 0);
  t.same(frames.slice(0, 4), [0, 0, 0, 0]);
  t.same(frames.slice(8), [1, 1, 1, 1]);
  t.same(
    frames.slice(4, 8).map((value) => value.toFixed(3)),
    [1 / 5, 2 / 5, 3 / 5, 4 / 5].map((value) => value.toFixed(3)),
  );
  t.end();
});

const uniform = 1;
const looped = 2;

/** ComfyUI-AnimateDiff-Evolved's looped uniform windows, as its definition reads. */
function loopedWindows(
  { frames, length, overlap, strides = 1, step = 0 }: Windows,
  isClosed = true,
): number[][] {
  const shift = [...step.toString(2)].reverse().reduce((sum, bit, i) => sum + Number(bit) / 2 ** (i + 1), 0);
  const half = frames * shift;
  const pad = half % 1 === 0.5 ? 2 * Math.round(half / 2) : Math.round(half);
  const result: number[][] = [];
  for (let apart = 1; apart < 2 ** strides && apart * length <= frames; apart *= 2) {
    for (
      let first = Math.floor(shift * apart) + pad;
      first < frames + pad - (isClosed ? 0 : overlap);
      first += length * apart - overlap
    ) {
      result.push(Array.from({ length }, (_, i) => (first + i * apart) % frames));
    }
  }
  return result;
}

const sizes = [
  { frames: 24, length: 8, overlap: 2 },
  { frames: 33, length: 8, overlap: 4, strides: 3 },
  { frames: 16, length: 16, overlap: 0 },
  { frames: 7, length: 3, overlap: 2, strides: 2 },
];

test("looped windows go on with the first frame, and move from step to step", (t) => {
  for (const size of sizes) {
    for (let step = 0; step < 9; step++) {
      const config = { ...size, step };
      t.same(framesOf({ ...config, schedule: looped }), loopedWindows(config), JSON.stringify(config));
    }
  }
  t.same(framesOf({ frames: 5, length: 8, overlap: 2, schedule: looped, step: 1 }), [[0, 1, 2, 3, 4]]);
  t.same(framesOf({ frames: 4, length: 4, overlap: 0, schedule: looped, step: 1 }), [[2, 3, 0, 1]]);
  t.end();
});

test("uniform windows are the looped ones, moved back where they would go past the end", (t) => {
  for (const size of sizes) {
    for (let step = 0; step < 9; step++) {
      const config = { ...size, step, schedule: uniform };
      const actual = framesOf(config);
      t.same(new Set(actual.flat()).size, size.frames, "every frame is in one");
      for (const window of actual) {
        t.same(
          window,
          [...new Set(window)].sort((a, b) => a - b),
          "in rising order, each frame once",
        );
      }
      if (size.frames === size.length) continue;
      const whole = loopedWindows(config, false).filter((window) => (window[0] ?? 0) <= (window.at(-1) ?? 0));
      for (const window of whole)
        t.ok(
          actual.some((own) => String(own) === String(window)),
          String(window),
        );
    }
  }
  t.same(framesOf({ frames: 6, length: 6, overlap: 2, schedule: uniform, step: 1 }), [[0, 1, 2, 3, 4, 5]]);
  t.end();
});

test("weights are symmetric but for the sawtooth's, and never nothing", (t) => {
  const weightsOf = (weights: number, length: number) =>
    Array.from(runProbe("nn.frame_weights", { weights, length }, {}).weights?.data ?? [], Number);
  t.same(weightsOf(0, 5), [1, 1, 1, 1, 1]);
  t.same(weightsOf(1, 5), [1, 2, 3, 2, 1]);
  t.same(weightsOf(1, 4), [1, 2, 2, 1]);
  t.same(
    weightsOf(3, 5).map((value) => value.toFixed(2)),
    ["0.01", "0.01", "3.00", "2.00", "1.00"],
  );
  t.same(
    weightsOf(3, 4).map((value) => value.toFixed(2)),
    ["0.01", "2.00", "2.00", "1.00"],
  );
  for (const length of [1, 2, 3, 8, 17]) {
    const relative = weightsOf(2, length);
    t.same(relative, [...relative].reverse());
    for (const weights of [0, 1, 2, 3]) t.ok(weightsOf(weights, length).every((weight) => weight > 0));
  }
  t.end();
});

test("a video may be longer than the motion modules reach", async (t) => {
  const { paths, request } = pipelineCase("subject", "build/fixtures/windows");
  const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  const most = (pipe.describe().motion?.maxFrames ?? 0) - 1;
  const same = { ...request, frames: 4, steps: 2 };
  const [whole, inOne] = [await pipe.sample(same), await pipe.sample({ ...same, context: { length: 4 } })];
  t.same(inOne.frames, whole.frames, "a window of all frames changes nothing");
  const frames = 2 * most;
  await t.rejects(pipe.sample({ ...same, frames }), { message: /the option context has more$/ });
  await t.rejects(pipe.sample({ ...same, frames, context: { length: most + 1 } }), {
    message: /^context.length: /,
  });
  const context = { length: most, overlap: 5 };
  const saveLatents = join(t.testdir(), "latents.safetensors");
  for (const more of [
    {},
    { cacheInterval: 2 },
    { referenceNoise: 0.5, referenceNoiseMode: "as-released" as const },
  ]) {
    const video = await pipe.sample({ ...same, ...more, frames, context, saveLatents });
    t.equal(video.frames.length, frames * video.request.width * video.request.height * 3);
    t.same(video.request.context, context);
  }
  t.equal((await pipe.sample({ ...same, frames, context: { length: 8 } })).request.context?.overlap, 2);
});
