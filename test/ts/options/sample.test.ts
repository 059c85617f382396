import { join } from "node:path";
import { test } from "tap";
import { checkOutputs, checkRequest, completeRequest } from "#ts/options/sample.js";
import type { SampleRequest } from "#ts/options/sample_options.js";
import { description } from "../../support/description.js";

const loaded = { ...description, defaultSize: [512, 384] as [number, number] };
const plain = { ...loaded, subject: false };
const still = { ...plain, motion: null };
const request = { prompt: "a man", reference: "me.png" };

test("takes every default", (t) => {
  const { seed, negativePrompt, ...rest } = completeRequest(request, loaded);
  t.strictSame(rest, {
    prompt: "a man",
    reference: ["me.png"],
    emphasis: "a1111",
    longPrompt: "chunks",
    frames: 16,
    width: 512,
    height: 384,
    fps: 8,
    steps: 30,
    guidanceScale: 8,
    guidanceRange: [0, 1],
    cacheInterval: 1,
    cacheLayers: 1,
    loop: false,
    noise: "independent",
    freeInit: false,
    motionScale: 1,
    tokenMerging: 0,
    clipSkip: 0,
    scheduler: "ddim",
    guidanceRescale: 0,
    parallelSteps: 1,
    parallelTolerance: 0.01,
    imageGuidanceScale: 1.5,
    structure: 0,
    keyframeScale: 1,
    ipScale: [{ scale: 1, blocks: {}, from: 0, to: 1 }],
    referenceNoise: 0,
    referenceNoiseMode: "independent",
    referenceLatents: "mode",
    fit: "cover",
    vaeTiling: false,
  });
  t.ok(Number.isSafeInteger(seed) && seed >= 0);
  t.match(negativePrompt, /^semi-realistic, cgi, .*, too many fingers, long neck$/);
  t.equal(completeRequest({ prompt: "" }, plain).negativePrompt, "");
  t.equal(completeRequest({ prompt: "" }, plain).frames, 16);
  t.equal(completeRequest({ prompt: "" }, still).frames, 1);
  t.end();
});

test("a complete request is complete already, and can't be changed", (t) => {
  const complete = completeRequest({ ...request, seed: 5, negativePrompt: "" }, loaded);
  t.strictSame(completeRequest(complete, loaded), complete);
  t.ok(Object.isFrozen(complete));
  t.end();
});

test("FreeNoise's windows are diffusers' where a request says none", (t) => {
  const context = (options: object, description = loaded) =>
    completeRequest({ ...request, ...options }, description).context;
  const noise = "freenoise";
  t.equal(context({}), undefined);
  t.strictSame(context({ noise, frames: 40 }), { length: 16, overlap: 12 });
  t.strictSame(context({ noise, frames: 40, context: { length: 8 } }), { length: 8, overlap: 4 });
  t.strictSame(context({ noise, context: { length: 3 } }), { length: 3, overlap: 0 });
  t.strictSame(context({ noise, context: { length: 8, overlap: 2 } }), { length: 8, overlap: 2 });
  t.strictSame(context({ context: { length: 8 } }), { length: 8, overlap: 2 });
  const short = { ...loaded, motion: { maxFrames: 9 } };
  t.strictSame(context({ noise, frames: 40 }, short as never), { length: 8, overlap: 4 });
  const wrong = [
    [{ noise, loop: true }, /^noise: "freenoise" can't make a loop/],
    [
      { noise, context: { length: 8, schedule: "looped" } },
      /^noise: the windows of "freenoise" can't be "looped"/,
    ],
    [{ prompt: { 0: "a", 16: "b" } }, /^prompt: there is no frame 16 in 16 frames/],
  ] as const;
  for (const [options, message] of wrong)
    t.throws(() => context(options), { code: "ERR_INVALID_OPTION", message });
  t.end();
});

test("prompts over time are in the order of their frames, FreeInit has all its numbers", (t) => {
  const asked = { ...request, prompt: { 12: "c", 0: "a", 3: "b" }, freeInit: { order: 2 } };
  const { prompt, freeInit } = completeRequest(asked, loaded);
  t.strictSame(Object.entries(prompt), [
    ["0", "a"],
    ["3", "b"],
    ["12", "c"],
  ]);
  t.strictSame(freeInit, {
    ...{ iterations: 5, method: "gaussian", spatialStop: 0.25, temporalStop: 0.25, order: 2 },
  });
  t.strictSame(completeRequest({ ...request, freeInit: true }, loaded).freeInit, {
    ...(freeInit as object),
    order: 4,
  });
  t.equal(completeRequest(request, loaded).freeInit, false);
  t.end();
});

test("drawn seeds differ and use all 53 bits", (t) => {
  const seeds = Array.from({ length: 200 }, () => completeRequest(request, loaded).seed);
  t.equal(new Set(seeds).size, 200);
  t.ok(seeds.some((seed) => seed > 2 ** 52));
  t.ok(seeds.some((seed) => seed % 2 === 1));
  t.end();
});

test("a control's options are named with their control", (t) => {
  const film =
    "a film: the path of one or of a folder of frames, an array of 1 to 1024 pictures or {data, frames, width, height}";
  const wrong: [object, string][] = [
    [{}, `controls[1].frames is missing; it must be ${film}`],
    [{ frames: [] }, `controls[1].frames: [] is not allowed; it must be ${film}`],
    [
      { frames: "a", scale: -0.1 },
      "controls[1].scale: -0.1 is not allowed; it must be a number from 0 to 10",
    ],
    [{ frames: "a", scale: 11 }, "controls[1].scale: 11 is not allowed; it must be a number from 0 to 10"],
    [{ frames: "a", to: 1.1 }, "controls[1].to: 1.1 is not allowed; it must be a number from 0 to 1"],
    [{ frames: "a", guess: 1 }, "controls[1].guess: 1 is not allowed; it must be true or false"],
    [{ frames: "a", compute: "depth" }, `controls[1].compute: 'depth' is not allowed; it must be "canny"`],
    [
      { frames: "a", from: 0.5, to: 0.5 },
      "controls[1]: { frames: 'a', from: 0.5, to: 0.5 } is not allowed; it must be a control of which from is less than to",
    ],
  ];
  for (const [control, message] of wrong) {
    const controls = [{ frames: "a" }, control] as never;
    const complete = () => completeRequest({ prompt: "", controls }, { ...plain, controls: 2 });
    t.throws(complete, { code: "ERR_INVALID_OPTION", message });
  }
  const misspelt = [{ frames: "a", strength: 1 }] as never;
  t.throws(
    () => completeRequest({ prompt: "", controls: misspelt }, { ...plain, controls: 1 }),
    /^controls\[0\]\.strength is not an option; the options of controls\[0\] are frames, scale, from/,
  );
  t.end();
});

test("controls go with the networks that are loaded", (t) => {
  const control = { frames: ["a.png"] };
  const two = { ...plain, controls: 2 };
  const sparse = { ...plain, keyframes: true };
  const wrong: [Partial<SampleRequest>, typeof plain, RegExp][] = [
    [{ controls: [control] }, plain, /^controls: no ControlNet is loaded .*--control-model/],
    [{}, two, /^controls is missing: 2 ControlNets are loaded/],
    [{ controls: [control] }, two, /^controls: only 1 given: 2 ControlNets/],
    [{ controls: [control, control, control] }, two, /^controls: 3 are given for the 2 ControlNets/],
    [{ keyframes: { 0: "a.png" } }, plain, /^keyframes: no SparseCtrl network is loaded .*--control-model/],
    [{}, sparse, /^keyframes is missing: a SparseCtrl network is loaded/],
    [{ keyframes: { 0: "a.png", 16: "b.png" } }, sparse, /^keyframes: there is no frame 16; .* 0 to 15$/],
    [{ temporalGuidance: 2 }, still as typeof plain, /^temporalGuidance: there are no motion modules/],
  ];
  for (const [options, model, message] of wrong) {
    const complete = () => completeRequest({ prompt: "", ...options }, model);
    t.throws(complete, { code: "ERR_INVALID_OPTION" }, String(message));
    t.throws(complete, message);
  }
  const complete = completeRequest(
    { prompt: "", controls: [control, { ...control, compute: "canny" }] },
    two,
  );
  t.strictSame(complete.controls, [
    { frames: ["a.png"], scale: 1, from: 0, to: 1, guess: false },
    { frames: ["a.png"], scale: 1, from: 0, to: 1, guess: false, compute: "canny", low: 100, high: 200 },
  ]);
  t.strictSame(completeRequest(complete, two), complete);
  t.end();
});

test("messages name the option, the value and what is allowed", (t) => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ ...request, steps: 0 }, "steps: 0 is not allowed; it must be a whole number from 1 to 1000"],
    [{ reference: "me.png" }, "prompt is missing; it must be a text of at most 10000 characters"],
    [{ ...request, step: 3 }, "step is not an option; did you mean steps?"],
    [{ ...request, width: 100 }, "width: 100 is not allowed; it must be a multiple of 8"],
    [{ ...request, height: 257 }, "height: 257 is not allowed; it must be a multiple of 8"],
    [
      { ...request, frames: 32 },
      "frames: 32 is not allowed; it must be at most 31 with these motion modules and 1 reference; the option context has more",
    ],
    [
      { ...request, reference: ["a", "b"], frames: 31 },
      "frames: 31 is not allowed; it must be at most 30 with these motion modules and 2 references; the option context has more",
    ],
    [{ prompt: "a" }, "reference is missing: the subject model needs at least one picture of the subject"],
    [
      { prompt: "a", reference: [] },
      "reference is missing: the subject model needs at least one picture of the subject",
    ],
  ];
  for (const [options, message] of wrong) {
    t.throws(() => completeRequest(options as never, loaded), { code: "ERR_INVALID_OPTION", message });
  }
  t.throws(() => completeRequest(request, plain), {
    message: "reference: this pipeline has no subject model; load one with the option subject",
  });
  t.throws(() => completeRequest({ prompt: "a", frames: 2 }, still), {
    message: "frames: 2 is not allowed; it must be 1 without motion modules",
  });
  t.end();
});

test("bytes of other kinds than a picture's are refused like anything else", (t) => {
  for (const reference of [
    new Uint16Array(4),
    [new Uint16Array(4)],
    new ArrayBuffer(4),
    new Float32Array(2),
  ]) {
    t.throws(() => checkRequest({ prompt: "a", reference } as never), {
      code: "ERR_INVALID_OPTION",
      message: /^reference: .* is not allowed; it must be a picture \(a path, a URL, a Buffer or/,
    });
  }
  t.throws(() => checkRequest({ prompt: "a", guidanceRange: new Float64Array(2) } as never), {
    code: "ERR_INVALID_OPTION",
    message: /^guidanceRange/,
  });
  t.end();
});

test("an unwritable place for the latents is found out at once", (t) => {
  const folder = t.testdir({ "old.safetensors": "", "x.safetensors": {} });
  t.doesNotThrow(() => checkOutputs({}));
  for (const name of ["new", "old"])
    t.doesNotThrow(() => checkOutputs({ saveLatents: join(folder, `${name}.safetensors`) }));
  const wrong: [string, RegExp][] = [
    [join("not", "x"), /^saveLatents ".*": the folder .*not does not exist; create it first$/],
    ["x", /^saveLatents ".*": it is a folder; add a file's name$/],
    [join("old.safetensors", "x"), /old.safetensors is not a folder; choose another$/],
    ["\u732b".repeat(100), /its name has 312 bytes and may have 255; shorten it$/],
    ["a\0", /it has a NUL character in it; leave it out$/],
  ];
  for (const [name, message] of wrong) {
    const saveLatents = join(folder, `${name}.safetensors`);
    t.throws(() => checkOutputs({ saveLatents }), { code: "ERR_INVALID_OPTION", message }, name);
  }
  t.end();
});

test("first and last pictures are SparseCtrl's keyframes where it is loaded", (t) => {
  const sparse = { ...plain, keyframes: true };
  const given = { prompt: "a", image: "a.png", lastImage: "b.png" };
  const complete = completeRequest({ ...given, frames: 12, keyframes: { 5: "c.png" } }, sparse);
  t.strictSame(complete.keyframes, { 0: "a.png", 5: "c.png", 11: "b.png" });
  t.notOk("image" in complete || "lastImage" in complete || "strength" in complete);
  t.strictSame(completeRequest({ prompt: "a", lastImage: "b.png" }, sparse).keyframes, { 15: "b.png" });
  const twice = () => completeRequest({ ...given, keyframes: { 0: "c.png" } }, sparse);
  t.throws(twice, {
    code: "ERR_INVALID_OPTION",
    message: /^image: keyframes has frame 0 already; give one of/,
  });
  t.match(completeRequest(given, plain), { image: "a.png", lastImage: "b.png", strength: 1 });
  t.end();
});
