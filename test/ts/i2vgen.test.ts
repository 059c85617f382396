import { join } from "node:path";
import { type AnyRequest, Pipeline, type SampleProgress, type SampleRequest } from "cameo";
import t from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { assertClose } from "../support/compare.js";
import { i2vgenRequest, writeI2VGenModel } from "../support/i2vgen_model.js";
import { assertFrames, sample } from "../support/parity.js";
import { fixtures } from "../support/probes.js";
import { readSafetensors } from "../support/safetensors.js";

const base = writeI2VGenModel("i2vgen");
const request = i2vgenRequest();
const pipe = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
t.teardown(() => pipe.close());

t.test("it is found by itself, and says what it takes", async (t) => {
  t.equal(pipe.family, "i2vgen-xl");
  const { networks, options, text, imageToVideo, motion, defaultSize } = pipe.describe();
  t.same(
    networks.map(({ name }) => name),
    ["text_encoder", "image_encoder", "vae", "unet"],
  );
  t.match(
    { text, imageToVideo, motion, defaultSize },
    { text: true, imageToVideo: true, motion: null, defaultSize: [1280, 704] },
  );
  t.match(options, { frames: 16, fps: 16, steps: 50, guidanceScale: 9, clipSkip: 1, negativePrompt: "" });
  t.match(options, { image: null, scheduler: "ddim" });
  for (const name of ["reference", "video", "context", "motionBucket", "minGuidanceScale", "lastImage"])
    t.notOk(name in options, name);
});

t.test("cameo inspect knows it, with its parts", async (t) => {
  const inspection = await inspectPath(base);
  t.match(inspection, { kind: "pipeline", option: "--base", argument: base });
  const kinds = Object.entries(inspection.components ?? {}).map(([name, { kind }]) => [name, kind]);
  t.same(Object.fromEntries(kinds), {
    unet: "i2vgen-unet",
    vae: "vae",
    text_encoder: "clip-text",
    image_encoder: "clip-vision",
  });
  t.match(await inspectPath(join(base, "unet")), { option: "--base", argument: base });
});

t.test("it makes of a picture and a prompt what diffusers makes", async (t) => {
  const expected = readSafetensors(join(fixtures, "i2vgen/expected.safetensors"));
  const actual = await sample(t, pipe, request);
  assertClose(t, actual.latents, expected.latents, 1e-4, "latents");
  t.same(actual.frames?.shape, expected.frames?.shape);
  assertFrames(t, actual, expected.frames);
});

t.test("the same request makes the same film, and what it says counts", async (t) => {
  const film = async (changes: Partial<SampleRequest> = {}) =>
    Buffer.from((await pipe.sample({ ...request, ...changes })).frames);
  const first = await pipe.sample(request);
  const { request: complete } = first;
  t.match(complete, { frames: 3, fps: 12, clipSkip: 1 });
  t.ok(Buffer.from((await pipe.sample(complete)).frames).equals(Buffer.from(first.frames)), "its request");
  const changes: Partial<SampleRequest>[] = [
    { seed: 8 },
    { prompt: "A cat" },
    { negativePrompt: "cat" },
    { fps: 13 },
    { clipSkip: 0 },
    { guidanceScale: 2 },
    { guidanceRange: [0, 0.5] },
    { guidanceRescale: 0.7 },
    { scheduler: "ddim", eta: 1 },
    { fit: "fill" },
    { fit: "contain" },
  ];
  for (const change of changes) {
    t.notOk((await film(change)).equals(Buffer.from(first.frames)), JSON.stringify(change));
  }
  t.equal((await film({ frames: 1 })).length, 24 * 16 * 3, "a still");
});

const picture = request.image;
const refused: [string, Partial<Record<string, unknown>>, RegExp][] = [
  ["reference", { reference: picture }, /reference: this model makes a film of image, by the prompt; leave/],
  ["motionScale", { motionScale: 2 }, /motionScale: this model makes/],
  ["context", { context: { length: 2 } }, /context: this model makes/],
  ["freeInit", { freeInit: true }, /freeInit: this model makes/],
  ["noise", { noise: "freenoise" }, /noise: this model makes/],
  ["lastImage", { lastImage: picture }, /lastImage: this model makes/],
  ["mask", { mask: picture }, /mask: this model makes/],
  ["video", { image: undefined, video: [picture] }, /video: this model makes/],
  ["cacheInterval", { cacheInterval: 2 }, /cacheInterval: this model makes/],
  ["ipImage", { ipImage: picture }, /ipImage: this model makes/],
  ["controls", { controls: [{ frames: [picture] }] }, /controls: this model makes/],
  ["motionBucket", { motionBucket: 60 }, /motionBucket: this model makes/],
  ["image", { image: undefined }, /image is missing: this model makes a film of a picture: give it as image/],
  ["prompt", { prompt: { 0: "a dog", 1: "a cat" } }, /prompt: this model takes one text for all frames/],
  ["clipSkip", { clipSkip: 2 }, /clipSkip: 2 is not allowed; the text encoder has 2 layers/],
  ["width", { width: 25 }, /width: 25 is not allowed; it must be a multiple of 8/],
];

t.test("what it has no use for is refused by name", async (t) => {
  for (const [name, changes, message] of refused) {
    const wrong = { ...request, ...changes } as AnyRequest;
    await t.rejects(pipe.sample(wrong), { code: "ERR_INVALID_OPTION", message }, name);
  }
});

t.test("no other network goes with it", async (t) => {
  for (const name of ["motion", "subject", "controls", "ipAdapter", "embeddings"]) {
    const options = { base, device: "cpu", [name]: join(base, "unet") } as const;
    const message = new RegExp(`^${name}: .* is an I2VGen-XL model, which takes none`);
    await t.rejects(Pipeline.load(options), { code: "ERR_INVALID_OPTION", message }, name);
  }
});

t.test("it says how far it is, and stops when it is told to", async (t) => {
  const phases: string[] = [];
  const onProgress = ({ phase, step, steps }: SampleProgress) => phases.push(`${phase} ${step}/${steps}`);
  await pipe.sample({ ...request, onProgress });
  t.same(phases, [
    ...["encode 1/3", "encode 2/3", "encode 3/3", "denoise 1/2", "denoise 2/2"],
    ...["decode 1/3", "decode 2/3", "decode 3/3"],
  ]);
  const controller = new AbortController();
  const stopped = pipe.sample({
    ...request,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await t.rejects(stopped, { code: "ERR_ABORTED" });
});

t.test("in 16 bits, and within a budget, it makes nearly the same", async (t) => {
  const whole = (await pipe.sample(request)).frames;
  const largestDifference = (frames: Uint8Array) =>
    frames.reduce((most, value, i) => Math.max(most, Math.abs(value - (whole[i] as number))), 0);
  await using small = await Pipeline.load({ base, device: "cpu", dtype: "bf16" });
  t.ok(largestDifference((await small.sample(request)).frames) < 48, "bf16");
  await using bounded = await Pipeline.load({ base, device: "cpu", dtype: "fp32", maxMemory: 2 ** 28 });
  t.ok(largestDifference((await bounded.sample(request)).frames) <= 1, "maxMemory");
});
