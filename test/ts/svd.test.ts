import { join } from "node:path";
import { type AnyRequest, type ImageToVideoRequest, Pipeline, type SampleProgress } from "cameo";
import t from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { assertClose } from "../support/compare.js";
import { assertFrames, sample } from "../support/parity.js";
import { fixtures } from "../support/probes.js";
import { readSafetensors } from "../support/safetensors.js";
import { videoRequest, writeVideoModel } from "../support/video_model.js";

const base = writeVideoModel("svd");
const request = videoRequest();
const pipe = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
t.teardown(() => pipe.close());

t.test("it is found by itself, and says what it takes", async (t) => {
  t.equal(pipe.family, "svd");
  const { networks, options, text, motion, defaultSize } = pipe.describe();
  t.same(
    networks.map(({ name }) => name),
    ["image_encoder", "vae", "unet"],
  );
  t.match({ text, motion, defaultSize }, { text: false, motion: null, defaultSize: [1024, 576] });
  t.match(options, { frames: 5, fps: 7, steps: 25, guidanceScale: 3, minGuidanceScale: 1 });
  t.match(options, { motionBucket: 127, noiseAugmentation: 0.02, image: null, scheduler: "euler" });
  for (const name of ["prompt", "reference", "video", "context", "clipSkip", "strength"])
    t.notOk(name in options, name);
});

t.test("cameo inspect knows it, with its parts", async (t) => {
  const inspection = await inspectPath(base);
  t.match(inspection, { kind: "pipeline", option: "--base", argument: base });
  const kinds = Object.entries(inspection.components ?? {}).map(([name, { kind }]) => [name, kind]);
  t.same(Object.fromEntries(kinds), {
    unet: "video-unet",
    vae: "video-vae",
    image_encoder: "clip-vision",
  });
  t.match(await inspectPath(join(base, "unet")), { option: "--base", argument: base });
});

t.test("it makes of a picture what diffusers makes", async (t) => {
  const expected = readSafetensors(join(fixtures, "svd/expected.safetensors"));
  const actual = await sample(t, pipe, request);
  assertClose(t, actual.latents, expected.latents, 1e-4, "latents");
  t.same(actual.frames?.shape, expected.frames?.shape);
  assertFrames(t, actual, expected.frames);
});

t.test("the same request makes the same film, and what it says counts", async (t) => {
  const film = async (changes: Partial<ImageToVideoRequest> = {}) =>
    Buffer.from((await pipe.sample({ ...request, ...changes })).frames);
  const first = await pipe.sample(request);
  const { request: complete } = first;
  t.match(complete, { prompt: "", motionBucket: 60, minGuidanceScale: 1.5, frames: 3, fps: 12 });
  t.ok(Buffer.from((await pipe.sample(complete)).frames).equals(Buffer.from(first.frames)), "its request");
  const changes: Partial<ImageToVideoRequest>[] = [
    { seed: 8 },
    { fps: 13 },
    { motionBucket: 61 },
    { noiseAugmentation: 0 },
    { minGuidanceScale: 4 },
    { guidanceScale: 2 },
    { guidanceRange: [0, 0.5] },
    { guidanceRescale: 0.7 },
    { fit: "cover" },
    { fit: "contain" },
  ];
  for (const change of changes) {
    t.notOk((await film(change)).equals(Buffer.from(first.frames)), JSON.stringify(change));
  }
  t.equal((await film({ frames: 1 })).length, 24 * 16 * 3, "a still");
});

t.test("films of one picture by their seeds", async (t) => {
  const { seed: _, ...others } = request;
  const films: Buffer[] = [];
  for await (const { frames } of pipe.samples({ ...others, seeds: [7, 8] })) films.push(Buffer.from(frames));
  for (const [i, seed] of [7, 8].entries()) {
    t.ok(Buffer.from((await pipe.sample({ ...request, seed })).frames).equals(films[i] as Buffer), `${seed}`);
  }
});

const picture = request.image;
const refused: [string, Partial<Record<string, unknown>>, RegExp][] = [
  ["prompt", { prompt: "a dog" }, /prompt: this model makes a film of image alone; leave it out/],
  ["negativePrompt", { negativePrompt: "blurry" }, /negativePrompt: this model makes/],
  ["clipSkip", { clipSkip: 1 }, /clipSkip: this model makes/],
  ["reference", { reference: picture }, /reference: this model makes/],
  ["motionScale", { motionScale: 2 }, /motionScale: this model makes/],
  ["context", { context: { length: 2 } }, /context: this model makes/],
  ["freeInit", { freeInit: true }, /freeInit: this model makes/],
  ["noise", { noise: "freenoise" }, /noise: this model makes/],
  ["lastImage", { lastImage: picture }, /lastImage: this model makes/],
  ["mask", { mask: picture }, /mask: this model makes/],
  ["video", { image: undefined, video: [picture] }, /video: this model makes/],
  ["cacheInterval", { cacheInterval: 2 }, /cacheInterval: this model makes/],
  ["tokenMerging", { tokenMerging: 0.5 }, /tokenMerging: this model makes/],
  ["ipImage", { ipImage: picture }, /ipImage: this model makes/],
  ["controls", { controls: [{ frames: [picture] }] }, /controls: this model makes/],
  ["temporalGuidance", { temporalGuidance: 1 }, /temporalGuidance: this model makes/],
  ["image", { image: undefined }, /image is missing: this model makes a film of a picture: give it as image/],
  ["scheduler", { scheduler: "ddim" }, /scheduler: this model predicts v at continuous timesteps/],
  ["width", { width: 25 }, /width: 25 is not allowed; it must be a multiple of 2/],
];

t.test("what it has no use for is refused by name", async (t) => {
  for (const [name, changes, message] of refused) {
    const wrong = { ...request, ...changes } as AnyRequest;
    await t.rejects(pipe.sample(wrong), { code: "ERR_INVALID_OPTION", message }, name);
  }
  await t.rejects(pipe.setLora("style.safetensors"), { code: "ERR_WEIGHTS_FORMAT" });
  await t.rejects(pipe.setLora(join(base, "unet/diffusion_pytorch_model.safetensors")), {
    code: "ERR_WEIGHTS_MISMATCH",
    message: /a LoRA was expected; this is Stable Video Diffusion's UNet/,
  });
});

t.test("no other network goes with it", async (t) => {
  for (const name of ["motion", "subject", "controls", "ipAdapter", "embeddings", "tokenizer"]) {
    const options = { base, device: "cpu", [name]: join(base, "unet") } as const;
    const message = new RegExp(`^${name}: .* is a Stable Video Diffusion model, which takes none`);
    await t.rejects(Pipeline.load(options), { code: "ERR_INVALID_OPTION", message }, name);
  }
});

t.test("it says how far it is, and stops when it is told to", async (t) => {
  const phases: string[] = [];
  const onProgress = ({ phase, step, steps, preview }: SampleProgress) => {
    phases.push(`${phase} ${step}/${steps}`);
    if (phase === "denoise") t.match(preview, { width: 12, height: 8 });
  };
  await pipe.sample({ ...request, preview: true, onProgress });
  t.same(phases, [
    ...["encode 1/2", "encode 2/2", "denoise 1/2", "denoise 2/2"],
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
