import { test } from "tap";
import { nativeOptions } from "#ts/options/sample.js";
import { optionEntries } from "#ts/options/sample_options.js";
import { runProbe } from "../../support/probes.js";

const whole = { frames: 3, width: 64, height: 40, steps: 5 };
const given = {
  ...whole,
  guidanceScale: 7.5,
  guidanceRange: [0.25, 0.75] as const,
  cacheInterval: 6,
  cacheLayers: 7,
  tokenMerging: 0.5,
  context: { length: 9, overlap: 4, schedule: "uniform", stride: 3, weights: "flat" },
  loop: false,
  noise: "independent",
  freeInit: { iterations: 7, method: "ideal", spatialStop: 0.5, temporalStop: 0.75, order: 3 },
  motionScale: 0.625,
  clipSkip: 2,
  scheduler: "ddim",
  sigmas: "karras",
  eta: 0.5,
  spacing: "trailing",
  shift: 2,
  zeroTerminalSnr: true,
  parallelSteps: 9,
  parallelTolerance: 0.03125,
  guidanceRescale: 0.75,
  dynamicGuidance: true,
  imageGuidanceScale: 2.5,
  minGuidanceScale: 1.25,
  fps: 7.5,
  motionBucket: 200,
  noiseAugmentation: 0.0625,
  frameStride: 3,
  ipScale: [{ scale: 0.5, blocks: { mid_block: 2 }, from: 0.25, to: 0.75 }, { scale: 1.5 }],
  strength: 0.625,
  controls: [{ frames: "a", scale: 1, from: 0, to: 1, guess: false }],
  structure: 3,
  keyframes: { 1: "a.png", 2: "b.png" },
  keyframeScale: 1.25,
  conditioningScale: 0.75,
  temporalGuidance: 1.5,
  subjects: [
    {
      reference: ["a.png", "b.png"],
      region: { 0: { x: 0, y: 0, width: 0.5, height: 1 }, 2: { x: 0.5, y: 0, width: 0.5, height: 1 } },
      strength: { scale: 0.75, from: 0.25, to: 0.5, levels: [1, 0.5] },
    },
  ],
  seed: 2 ** 53 - 1,
  referenceNoise: 0.125,
  referenceNoiseMode: "as-released",
  referenceLatents: "sample",
  vaeTiling: true,
  preview: true,
  saveLatents: "a\ud800.safetensors",
} as const;

function read(options: string): Record<string, unknown> {
  const { seed, ...tensors } = runProbe("pipeline.read_request", { options }, {});
  const values = Object.entries(tensors).map(([name, { data }]) => [name, data[0]]);
  const [high = 0, middle = 0, low = 0] = Array.from(seed?.data ?? [], Number);
  return { ...Object.fromEntries(values), seed: (high * 2 ** 20 + middle) * 2 ** 20 + low };
}

test("every option crosses, numbers exactly", (t) => {
  const crossing = optionEntries.filter(([, { native }]) => native).map(([name]) => name);
  t.strictSame(new Set(Object.keys(given)), new Set(crossing));
  const { guidanceRange, referenceNoiseMode, referenceLatents, vaeTiling, preview, saveLatents, ...others } =
    given;
  const { context, loop, noise, freeInit, ...rest } = others;
  const { method, ...passes } = freeInit;
  const { scheduler, sigmas, eta, spacing, shift, zeroTerminalSnr, ipScale, ...plain } = rest;
  const { controls, keyframes, subjects, ...same } = plain;
  t.strictSame(read(nativeOptions(given)), {
    ...same,
    guidanceFrom: 0.25,
    guidanceTo: 0.75,
    contextLength: context.length,
    contextOverlap: context.overlap,
    contextSchedule: ["standard", "uniform", "looped"].indexOf(context.schedule),
    contextStrides: context.stride,
    contextWeights: ["flat"].indexOf(context.weights),
    noise: loop ? -1 : ["independent"].indexOf(noise),
    filter: ["gaussian", "butterworth", "ideal"].indexOf(method),
    ...passes,
    scheduler: JSON.stringify(scheduler).length,
    ipScales: ipScale.length,
    ipScaleAndBlock: 0.5 + 2,
    ipScaleFromAndTo: 0.25 + 0.75,
    samplerOptions: [sigmas, eta, spacing, shift, zeroTerminalSnr].length,
    controls: controls.length,
    subjects: subjects.length,
    ...{
      subjectReferences: 2,
      subjectBoxes: 3,
      subjectMiddle: 0.25,
      subjectStrength: 0.75 + 0.25 + 0.5 + 0.5,
    },
    keyframes: Object.keys(keyframes).length,
    dynamicGuidance: 1,
    asReleased: 1,
    sampled: 1,
    vaeTiling: 1,
    preview: 1,
    // Of the surrogate, U+FFFD has three bytes.
    saveLatents: "a".length + 3 + ".safetensors".length,
  });
  t.match(read(nativeOptions({ ...whole, seed: 0 })), {
    asReleased: 0,
    sampled: 0,
    vaeTiling: 0,
    saveLatents: 0,
  });
  t.end();
});

test("a loop has looped windows, two of all frames where there are no smaller ones", (t) => {
  const windows = (options: object) => {
    const { contextLength, contextOverlap, contextSchedule } = read(
      nativeOptions({ ...whole, seed: 0, frames: 24, loop: true, ...options }),
    );
    return [contextLength, contextOverlap, contextSchedule];
  };
  t.same(windows({}), [24, 12, 2]);
  t.same(windows({ context: { length: 16, overlap: 4 } }), [16, 4, 2]);
  t.same(windows({ context: { length: 32, overlap: 4 } }), [24, 12, 2]);
  t.end();
});

test("FreeNoise has windows, and standard ones", (t) => {
  const asked = (options: object) => () =>
    read(nativeOptions({ ...whole, seed: 0, noise: "freenoise", ...options } as never));
  const context = { length: 2, overlap: 1 };
  t.equal(asked({ context })().noise, 1);
  t.throws(asked({}), { code: "ERR_INVALID_OPTION", message: /give it a context/ });
  t.throws(asked({ context, loop: true }), { message: /loop/ });
  t.throws(asked({ context: { ...context, schedule: "looped" } }), { message: /looped/ });
  t.throws(asked({ context: { ...context, weights: "heavy" } }), { message: /weights/ });
  t.end();
});

test("an option that is missing or of another type is refused by its name", (t) => {
  const options = JSON.parse(nativeOptions({ ...whole, seed: 0 }));
  const crossing = Object.keys(options);
  t.ok(crossing.length > 10);
  for (const name of crossing) {
    for (const value of [undefined, null, []]) {
      t.throws(() => read(JSON.stringify({ ...options, [name]: value })), {
        code: "ERR_INVALID_OPTION",
        message: new RegExp(`^${name} is (absent|null|\\[\\]); `),
      });
    }
  }
  t.throws(() => read(JSON.stringify({ ...options, frame: 1 })), { message: "frame is 1; nothing reads it" });
  t.throws(() => read("{"), { code: "ERR_INVALID_OPTION" });
  t.throws(() => read("[]"), { code: "ERR_INVALID_OPTION" });
  t.throws(() => read(JSON.stringify({ ...options, guidanceRange: [0] })), {
    message: /a list of 2 numbers$/,
  });
  for (const ipScale of [1, [{ scale: 1 }], [{ scale: 1, from: 0, to: 1, blocks: { a: "1" } }], [1]])
    t.throws(() => read(JSON.stringify({ ...options, ipScale })), { message: /^ipScale is / });
  t.throws(() => read(JSON.stringify({ ...options, seed: 2 ** 53 })), {
    message: /^seed is 9007199254740992; /,
  });
  t.end();
});
