import { rmSync } from "node:fs";
import { join } from "node:path";
import { type AnyRequest, Pipeline, type SampleProgress, type SampleRequest } from "cameo";
import t from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { assertClose } from "../support/compare.js";
import { latteRequest, writeLatte, writeLatteTemporalVae } from "../support/latte_model.js";
import { assertFrames, sample } from "../support/parity.js";
import { fixtures } from "../support/probes.js";
import { readSafetensors } from "../support/safetensors.js";

const base = writeLatte("latte");
const request = latteRequest();
const place = { device: "cpu", dtype: "fp32" } as const;
const pipe = await Pipeline.load({ base, ...place });
t.teardown(() => pipe.close());

t.test("it is found by itself, and says what it takes", async (t) => {
  t.equal(pipe.family, "latte");
  const { networks, options, ...description } = pipe.describe();
  t.same(
    networks.map(({ name }) => name),
    ["text_encoder", "transformer", "vae"],
  );
  t.match(description, { text: true, textEncoder: "t5", clipText: false, promptCleaning: "caption" });
  t.match(description, {
    motion: null,
    defaultSize: [8, 8],
    latentScale: 4,
    textPositions: 120,
    required: [],
  });
  t.match(options, {
    frames: 3,
    fps: 8,
    steps: 50,
    guidanceScale: 7.5,
    negativePrompt: "",
    scheduler: "ddim",
  });
  for (const name of [
    "reference",
    "image",
    "video",
    "context",
    "clipSkip",
    "emphasis",
    "longPrompt",
    "strength",
  ]) {
    t.notOk(name in options, name);
  }
});

t.test("without model_index.json its transformer's config tells", async (t) => {
  const other = writeLatte("latte-without-index");
  rmSync(join(other, "model_index.json"));
  await using unnamed = await Pipeline.load({ base: other, ...place });
  t.equal(unnamed.family, "latte");
});

t.test("cameo inspect knows it, with its parts", async (t) => {
  const inspection = await inspectPath(base);
  t.match(inspection, { kind: "pipeline", option: "--base", argument: base });
  const kinds = Object.entries(inspection.components ?? {}).map(([name, { kind }]) => [name, kind]);
  t.same(Object.fromEntries(kinds), { transformer: "latte", vae: "vae", text_encoder: "t5" });
  t.match(await inspectPath(join(base, "transformer")), { option: "--base", argument: base });
});

t.test("it makes of a prompt what diffusers makes", async (t) => {
  const expected = readSafetensors(join(fixtures, "latte/expected.safetensors"));
  const actual = await sample(t, pipe, request);
  assertClose(t, actual.latents, expected.latents, 1e-4, "latents");
  t.same(actual.frames?.shape, expected.frames?.shape);
  assertFrames(t, actual, expected.frames);
  const { prompt_embeds: embeds, negative_embeds: negative } = actual;
  t.same(embeds?.shape, negative?.shape, "the negative prompt's states are cut to as many as the prompt's");
  t.ok((embeds?.shape[1] as number) < 120);
});

t.test("within a budget its text encoder is read block by block, and the film is the same", async (t) => {
  const plain = await sample(t, pipe, request);
  await using small = await Pipeline.load({ base, ...place, maxMemory: 2 ** 30 });
  const [encoder] = small.describe().networks;
  t.match(encoder, { name: "text_encoder", files: [{ used: encoder?.files[0]?.total }] });
  t.equal(encoder?.parameters, pipe.describe().networks[0]?.parameters);
  const actual = await sample(t, small, request);
  assertClose(t, actual.prompt_embeds, plain.prompt_embeds as never, 1e-6, "prompt_embeds");
  assertClose(t, actual.latents, plain.latents as never, 1e-5, "latents");
});

t.test("the same request makes the same film, and what it says counts", async (t) => {
  const film = async (changes: Partial<SampleRequest> = {}) =>
    Buffer.from((await pipe.sample({ ...request, ...changes })).frames);
  const first = await pipe.sample(request);
  t.ok(
    Buffer.from((await pipe.sample(first.request)).frames).equals(Buffer.from(first.frames)),
    "its request",
  );
  const same = { prompt: 'a "slow" movement over the sea & the hour' };
  t.ok((await film(same)).equals(Buffer.from(first.frames)), "a prompt that is cleaned to the same");
  const changes: Partial<SampleRequest>[] = [
    { seed: 8 },
    { prompt: "the sea" },
    { negativePrompt: "" },
    { guidanceScale: 2 },
    { guidanceScale: 1 },
    { guidanceRange: [0, 0.5] },
    { guidanceRescale: 0.7 },
    { scheduler: "euler-ancestral" },
    { scheduler: "ddim", eta: 0.5 },
  ];
  for (const change of changes) {
    t.notOk((await film(change)).equals(Buffer.from(first.frames)), JSON.stringify(change));
  }
  t.equal((await film({ frames: 1 })).length, 16 * 8 * 3, "a still");
  t.equal((await film({ width: 12, height: 20 })).length, 12 * 20 * 3 * 3, "another size");
});

t.test("a decoder over time takes the place of the other", async (t) => {
  const vae = "build/fixtures/latte-temporal-vae";
  writeLatteTemporalVae(vae);
  await using other = await Pipeline.load({ base, vae, ...place });
  const [film, plain] = [await sample(t, other, request), await sample(t, pipe, request)];
  t.same(film.latents, plain.latents);
  t.same(film.frames?.shape, plain.frames?.shape);
  t.notSame(film.frames, plain.frames);
});

t.test("films of one prompt by their seeds, encoded once", async (t) => {
  const { seed: _, ...others } = request;
  for await (const { frames, request: complete } of pipe.samples({ ...others, seeds: [7, 8] })) {
    t.ok(Buffer.from((await pipe.sample(complete)).frames).equals(Buffer.from(frames)), `${complete.seed}`);
  }
});

t.test("a prompt that is too long is cut, and that is said", async (t) => {
  const { warnings } = await pipe.sample({ ...request, steps: 1, prompt: "the sea ".repeat(80) });
  t.match(warnings, [/^the prompt was cut after "\.\.\. .*" \(119 of \d+ tokens\)$/]);
});

const picture = { data: new Uint8Array(16 * 8 * 3), width: 16, height: 8 };
const refused: [string, Partial<Record<string, unknown>>, RegExp][] = [
  ["image", { image: picture }, /image: this model makes a film of a prompt alone; leave it out/],
  ["video", { video: Array(3).fill(picture) }, /video: /],
  ["lastImage", { lastImage: picture }, /lastImage: /],
  ["mask", { mask: picture }, /mask: /],
  ["reference", { reference: picture }, /reference: this pipeline has no subject model/],
  ["context", { context: { length: 2 } }, /context: /],
  ["freeInit", { freeInit: true }, /freeInit: /],
  ["cacheInterval", { cacheInterval: 2 }, /cacheInterval: this model/],
  ["tokenMerging", { tokenMerging: 0.5 }, /tokenMerging: this model/],
  ["clipSkip", { clipSkip: 1 }, /clipSkip: it is for models that read prompts by CLIP; leave it out/],
  ["emphasis", { emphasis: "none" }, /emphasis: it is for models that read prompts by CLIP/],
  ["longPrompt", { longPrompt: "cut" }, /longPrompt: it is for models that read prompts by CLIP/],
  ["prompt", { prompt: { 0: "a", 2: "the sea" } }, /prompt: this model takes one prompt for the whole film/],
  ["prompt", { prompt: undefined }, /prompt/],
  ["motionBucket", { motionBucket: 9 }, /motionBucket: it is for models that make a film of a picture/],
  ["frames", { frames: 2 }, /frames: 2 is not allowed; this model makes 3 frames, or 1/],
  ["width", { width: 18 }, /width: 18 is not allowed; it must be a multiple of 4/],
];

t.test("what it has no use for is refused by name", async (t) => {
  for (const [name, changes, message] of refused) {
    const wrong = { ...request, ...changes } as AnyRequest;
    await t.rejects(pipe.sample(wrong), { code: "ERR_INVALID_OPTION", message }, name);
  }
  await t.rejects(pipe.setLora(join(base, "transformer/diffusion_pytorch_model.safetensors")), {
    code: "ERR_INVALID_OPTION",
    message: /lora: this model takes none/,
  });
});

t.test("no other network goes with it, and its parts have to fit", async (t) => {
  for (const name of ["motion", "subject", "controls", "ipAdapter", "embeddings"]) {
    const options = { base, device: "cpu", [name]: join(base, "transformer") } as const;
    const message = new RegExp(`^${name}: .* is a Latte model, which takes none`);
    await t.rejects(Pipeline.load(options), { code: "ERR_INVALID_OPTION", message }, name);
  }
  const mismatches: [object, RegExp][] = [
    [{ caption_channels: 12 }, /reads text of 12 channels, the text encoder gives 10/],
    [{ out_channels: 4 }, /4 input and 4 output channels/],
  ];
  for (const [changes, message] of mismatches) {
    const wrong = writeLatte("latte-mismatch", changes);
    await t.rejects(Pipeline.load({ base: wrong, ...place }), { code: "ERR_WEIGHTS_MISMATCH", message });
  }
});

t.test("bf16 is near", async (t) => {
  await using rough = await Pipeline.load({ base, device: "cpu", dtype: "bf16" });
  const [actual, exact] = [await sample(t, rough, request), await sample(t, pipe, request)];
  assertClose(t, actual.latents, exact.latents as never, 0.1, "latents");
});

t.test("it says how far it is, and stops when it is told to", async (t) => {
  const phases: string[] = [];
  const onProgress = ({ phase, step, steps, preview }: SampleProgress) => {
    phases.push(`${phase} ${step}/${steps}`);
    if (phase === "denoise") t.match(preview, { width: 8, height: 4 });
  };
  await pipe.sample({ ...request, preview: true, onProgress });
  t.same(phases, [
    ...["encode 1/1", "denoise 1/3", "denoise 2/3", "denoise 3/3"],
    ...["decode 1/3", "decode 2/3", "decode 3/3"],
  ]);
  const controller = new AbortController();
  const onFirst = () => controller.abort();
  await t.rejects(pipe.sample({ ...request, signal: controller.signal, onProgress: onFirst }), {
    code: "ERR_ABORTED",
  });
});
