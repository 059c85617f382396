import { test } from "tap";
import { controlsAllowed, keyframesAllowed } from "#ts/options/controls.js";
import { completeRequest } from "#ts/options/sample.js";
import { optionEntries, type SampleRequest } from "#ts/options/sample_options.js";
import { samplerNames } from "#ts/options/sampler_names.js";
import { description } from "../../support/description.js";

const loaded = { ...description, defaultSize: [512, 384] as [number, number] };
const request = { prompt: "a man", reference: "me.png" };
const allowedControls = { controls: controlsAllowed(16), keyframes: keyframesAllowed(1024) };

test("every option has its bounds", (t) => {
  const film = { data: new Uint8Array(192), frames: 1, width: 8, height: 8 };
  const bounds: [keyof SampleRequest, unknown[], unknown[], string][] = [
    [
      "prompt",
      ["", "x".repeat(10_000), { 0: "a" }, { 8: "b", 0: "a" }],
      [
        5,
        null,
        "x".repeat(10_001),
        {},
        { 1: "a" },
        { 0: 5 },
        { 0: "a", "-1": "b" },
        { 0: "a", x: "b" },
        ["a"],
      ],
      "a text of at most 10000 characters, or such texts by the frames at which they hold, one of them at 0",
    ],
    ["negativePrompt", ["", "no"], [5, "x".repeat(10_001)], "a text of at most 10000 characters"],
    ["emphasis", ["a1111", "none"], ["A1111", true], '"a1111" or "none"'],
    ["longPrompt", ["chunks", "cut"], ["cut ", false], '"chunks" or "cut"'],
    ["frames", [1, 31], [0, 1025, 1.5, "16", Number.NaN], "a whole number from 1 to 1024"],
    ["width", [8, 4096], [0, 4104, 512.5, "512"], "a whole number from 8 to 4096"],
    ["height", [8, 4096], [-8, 4104, Number.POSITIVE_INFINITY], "a whole number from 8 to 4096"],
    ["fps", [1, 23.976, 120], [0.5, 121, "8"], "a number from 1 to 120"],
    ["steps", [1, 1000], [0, 1001, 2.5], "a whole number from 1 to 1000"],
    ["guidanceScale", [0, 1, 7.5, 100], [-1, 101, "8"], "a number from 0 to 100"],
    [
      "guidanceRange",
      [
        [0, 1],
        [0.2, 0.8],
        [0.5, 0.5],
      ],
      [[0.8, 0.2], [0, 1.1], [0], 1],
      "two numbers from 0 to 1 in rising order",
    ],
    ["cacheInterval", [1, 3, 1000], [0, 1.5, 1001], "a whole number from 1 to 1000"],
    ["clipSkip", [0, 1, 100], [-1, 0.5, 101], "a whole number from 0 to 100"],
    ["tokenMerging", [0, 0.5, 0.75], [-0.1, 0.8], "a number from 0 to 0.75"],
    ["cacheLayers", [1, 100], [0, 101], "a whole number from 1 to 100"],
    [
      "scheduler",
      ["ddim", "dpmpp-2m-sde", { _class_name: "EulerDiscreteScheduler" }],
      ["eular", "", 1, []],
      `${samplerNames.map((name) => `"${name}"`).join(", ")}, the path of a scheduler_config.json or what is in one`,
    ],
    [
      "context",
      [
        { length: 16 },
        { length: 8, overlap: 7 },
        { length: 8, schedule: "looped", stride: 10, weights: "sawtooth" },
      ],
      [
        ...[16, { length: 8, overlap: 8 }, { overlap: 2 }, { length: 0 }, { length: 8, stride: 2 }],
        ...[
          { length: 8, schedule: "round" },
          { length: 8, schedule: "uniform", stride: 0 },
          { length: 8, weights: 1 },
        ],
      ],
      "a length from 1 to 1024 and an overlap that is less, both whole; where wanted a schedule (standard, uniform, looped), " +
        "weights (flat, pyramid, relative, sawtooth) and, of other schedules than the first, a stride from 1 to 10",
    ],
    ["loop", [true], ["yes"], "true or false"],
    [
      "noise",
      ["independent", "freenoise", "freenoise-random"],
      ["free"],
      '"independent", "freenoise", "freenoise-repeat" or "freenoise-random"',
    ],
    [
      "freeInit",
      [true, false, {}, { iterations: 3, method: "butterworth", spatialStop: 0, temporalStop: 1, order: 2 }],
      [3, { iterations: 0 }, { method: "cubic" }, { spatialStop: 1.1 }, { rounds: 3 }],
      "true, false or { iterations, method, spatialStop, temporalStop, order }: iterations and order whole numbers from 1 " +
        'to 100, method "gaussian", "butterworth", "ideal", the stops numbers from 0 to 1',
    ],
    ["motionScale", [0, 0.5, 10], [-0.1, 11], "a number from 0 to 10"],
    ["eta", [0, 1], [-0.1, 1.1], "a number from 0 to 1"],
    ["sigmas", ["karras", "beta"], ["Karras"], '"karras", "exponential" or "beta"'],
    ["spacing", ["trailing"], ["even"], '"linspace", "leading" or "trailing"'],
    ["shift", [0.01, 5], [0, 101], "a number from 0.01 to 100"],
    ["zeroTerminalSnr", [true], ["yes"], "true or false"],
    ["guidanceRescale", [0, 0.7, 1], [1.5], "a number from 0 to 1"],
    ["parallelSteps", [1, 8, 1000], [0, 1.5, 1001], "a whole number from 1 to 1000"],
    ["parallelTolerance", [0, 0.1, 10], [-1, 11], "a number from 0 to 10"],
    ["dynamicGuidance", [true, false], [1, "yes"], "true or false"],
    ["minGuidanceScale", [0, 1.5, 100], [-1], "a number from 0 to 100"],
    ["motionBucket", [0, 127, 1023], [-1, 1024], "a number from 0 to 1023"],
    ["noiseAugmentation", [0, 0.02, 10], [-1, 11], "a number from 0 to 10"],
    ["imageGuidanceScale", [0, 1.5, 100], [-1], "a number from 0 to 100"],
    ["seed", [0, 2 ** 53 - 1], [-1, 2 ** 53, 0.5, "1", 1n], "a whole number from 0 to 9007199254740991"],
    ["referenceNoise", [0, 0.01, 1], [-0.1, 1.1], "a number from 0 to 1"],
    ["referenceNoiseMode", ["independent", "as-released"], ["both"], '"independent" or "as-released"'],
    ["referenceLatents", ["mode", "sample"], ["mean"], '"mode" or "sample"'],
    ["fit", ["cover", "contain", "fill"], ["stretch"], '"cover", "contain" or "fill"'],
    ["vaeTiling", [true, false], [1, "yes"], "true or false"],
    ["preview", [true, false], [1], "true or false"],
    ["saveLatents", ["a.safetensors"], ["a.pt", 1], "the path of a .safetensors file"],
    ["signal", [new AbortController().signal], [{}], "an AbortSignal"],
    ["onProgress", [() => {}], [{}], "a function"],
    [
      "reference",
      ["a.png", new URL("file:///a.png"), Buffer.alloc(1), ["a.png", "b.png"]],
      [5, "", [5], {}],
      "a picture (a path, a URL, a Buffer or {data, width, height}) or an array of at most 64",
    ],
    ["instruction", ["", "make it red"], [5, "x".repeat(10_001)], "a text of at most 10000 characters"],
    [
      "subjects",
      [[{ reference: "a.png", region: "mask.png", strength: 0.5 }]],
      [5, [], {}],
      "an array of 1 to 16 subjects { reference, region, strength, words }",
    ],
    [
      "ipImage",
      ["a.png", Buffer.alloc(1), ["a.png", "b.png"]],
      [5, "", [5], Array(17).fill("a.png")],
      "a picture (a path, a URL, a Buffer or {data, width, height}) or an array of at most 16",
    ],
    [
      "ipScale",
      [0, 1.5, -100, { blocks: { mid_block: 0 } }, { from: 0.5 }, [{ scale: 1, to: 0.5 }, { scale: 0.3 }]],
      [
        101,
        "1",
        { scale: Number.NaN },
        { from: 0.6, to: 0.5 },
        { to: 1.1 },
        { blocks: { "": 1 } },
        { at: 1 },
        [1],
        [],
      ],
      "a number from -100 to 100, {scale, blocks, from, to} with from and to in rising order from 0 to 1, or an array of 1 to 64 of these",
    ],
    ...["image", "lastImage"].map((name): (typeof bounds)[number] => [
      name as keyof SampleRequest,
      ["a.png", Buffer.alloc(1)],
      [5, "", ["a.png"]],
      "a picture (a path, a URL, a Buffer or {data, width, height})",
    ]),
    ["strength", [0.1, 1], [-0.1, 1.1, "1"], "a number from 0 to 1"],
    [
      "expand",
      [{ left: 8 }, { left: 0, right: 1, top: 2, bottom: 3 }],
      [8, {}, { left: 0 }, { left: -1 }, { left: 0.5 }, { front: 8 }],
      "whole numbers of pixels as left, right, top and bottom, to 4096, not all 0",
    ],
    ...["video", "mask"].map((name): (typeof bounds)[number] => [
      name as keyof SampleRequest,
      [
        "a.png",
        "a.mp4",
        Buffer.alloc(1),
        ["a.png", Buffer.alloc(1)],
        film,
        { frames: film.data, count: 1, width: 8, height: 8, fps: 8 },
      ],
      [5, "", [], [5], { frames: 1, width: 8, height: 8 }],
      "a film: the path of one or of a folder of frames, an array of 1 to 1024 pictures or {data, frames, width, height}",
    ]),
  ];
  const { controls, keyframes } = allowedControls;
  bounds.push(
    [
      "controls",
      [[], [{ frames: ["a.png"] }], [{ frames: "clip/", scale: 10, from: 0.2, to: 0.3, guess: true }]],
      [{}, "clip/", Array(17).fill({ frames: "clip/" })],
      controls,
    ],
    ["structure", [0, 7], [-1, 8, 0.5], "a whole number from 0 to 7"],
    [
      "keyframes",
      [{}, { 0: "a.png", 15: Buffer.alloc(1) }],
      [["a.png"], { first: "a.png" }, { "01": "a.png" }, { "-1": "a.png" }, { 0: 5 }],
      keyframes,
    ],
    ["keyframeScale", [0, 10], [-1, 11], "a number from 0 to 10"],
    ["conditioningScale", [0, 1.7, 10], [-1, 11], "a number from 0 to 10"],
    ["frameStride", [1, 3, 100], [0, 101, "3"], "a number from 1 to 100"],
    ["temporalGuidance", [0, 1, 100], [-1, 101, "1"], "a number from 0 to 100"],
  );
  t.strictSame(new Set(bounds.map(([name]) => name)), new Set(optionEntries.map(([name]) => name)));
  for (const [name, allowed, refused, words] of bounds) {
    const isEdit = name === "instruction";
    const motionBucket = ["minGuidanceScale", "motionBucket", "noiseAugmentation"].includes(name);
    const makers = {
      dynamicGuidance: name === "dynamicGuidance",
      instruction: isEdit,
      strength: !isEdit,
      imagePrompt: name === "ipImage",
      motionBucket,
      frameStride: name === "frameStride",
      conditioning: name === "conditioningScale",
    };
    const taker = { ...loaded, ...makers };
    const needsFilm = ["mask", "strength", "expand", "instruction"].includes(name);
    const { prompt, reference, ...others } = request;
    const given = {
      ...others,
      ...(!isEdit && { prompt }),
      ...(name !== "subjects" && { reference }),
      ...(needsFilm && { video: "a.mp4" }),
    } as SampleRequest;
    for (const value of allowed) {
      const ofControls = {
        controls: name === "controls" ? (value as unknown[]).length : 0,
        keyframes: name === "keyframes" && Object.keys(value as object).length > 0,
      };
      t.doesNotThrow(
        () => completeRequest({ ...given, [name]: value }, { ...taker, ...ofControls }),
        `${name}: ${String(value)}`,
      );
    }
    for (const value of refused) {
      const wrong = () => completeRequest({ ...given, [name]: value }, taker);
      t.throws(wrong, { code: "ERR_INVALID_OPTION" });
      t.throws(wrong, { message: new RegExp(`^${name}: `) });
      t.throws(wrong, new RegExp(`is not allowed; it must be ${quoted(words)}$`));
    }
  }
  t.end();
});

function quoted(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
