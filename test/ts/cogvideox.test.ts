import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AnyRequest, Pipeline, type SampleProgress, type SampleRequest } from "cameo";
import t from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { type CogVideoXFilm, cogVideoXRequest, writeCogVideoX } from "../support/cogvideox_model.js";
import { assertClose } from "../support/compare.js";
import { assertFrames, sample } from "../support/parity.js";
import { fixtures } from "../support/probes.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";

const bases = {
  text: writeCogVideoX("cogvideox", "text"),
  picture: writeCogVideoX("cogvideox15", "picture"),
};
const load = (base: string) => Pipeline.load({ base, device: "cpu", dtype: "fp32" });
const pipes = { text: await load(bases.text), picture: await load(bases.picture) };
t.teardown(() => Promise.all([pipes.text.close(), pipes.picture.close()]));
const films: CogVideoXFilm[] = ["text", "picture"];

t.test("it is found by itself, and says what it takes", async (t) => {
  t.equal(pipes.text.family, "cogvideox");
  const { networks, options, text, motion, defaultSize, required } = pipes.text.describe();
  t.same(new Set(networks.map(({ name }) => name)), new Set(["text_encoder", "vae", "transformer"]));
  t.match({ text, motion, defaultSize, required }, { text: true, motion: null, required: [] });
  t.same(defaultSize, [16, 8]);
  t.match(options, { frames: 9, fps: 8, steps: 50, guidanceScale: 6, scheduler: "cogvideox-ddim" });
  t.match(options, { dynamicGuidance: false });
  for (const name of ["reference", "video", "context", "motionBucket", "strength"]) {
    t.notOk(name in options, name);
  }
  const picture = pipes.picture.describe();
  t.match(picture, { family: "cogvideox", required: ["image"] });
  t.match(picture.options, { fps: 16, scheduler: "cogvideox-dpm" });
});

t.test("cameo inspect knows it, with its parts", async (t) => {
  const inspection = await inspectPath(bases.text);
  t.match(inspection, { kind: "pipeline", option: "--base", argument: bases.text });
  const kinds = Object.entries(inspection.components ?? {}).map(([name, { kind }]) => [name, kind]);
  t.same(Object.fromEntries(kinds), {
    transformer: "cogvideox",
    vae: "cogvideox-vae",
    text_encoder: "t5",
  });
  t.match(await inspectPath(join(bases.text, "transformer")), { option: "--base", argument: bases.text });
});

for (const film of films) {
  t.test(`of a ${film} it makes what diffusers makes`, async (t) => {
    const expected = readSafetensors(join(fixtures, "cogvideox", film, "expected.safetensors"));
    const actual = await sample(t, pipes[film], cogVideoXRequest(film));
    assertClose(t, actual.latents, expected.latents, 1e-4, "latents");
    t.same(actual.frames?.shape, [9, 8, 16, 3]);
    if (film === "text") assertFrames(t, actual, expected.frames);
  });
}

t.test("a transformer in several files, and without model_index.json, is the same", async (t) => {
  const base = `${bases.text}-shards`;
  rmSync(base, { recursive: true, force: true });
  cpSync(bases.text, base, { recursive: true });
  rmSync(join(base, "model_index.json"));
  const file = "diffusion_pytorch_model.safetensors";
  const folder = join(base, "transformer");
  const all = Object.entries(readSafetensors(join(folder, file)));
  const parts = [all.slice(0, 9), all.slice(9)];
  const names = parts.map((_, i) => `diffusion_pytorch_model-0000${i + 1}-of-00002.safetensors`);
  for (const [i, part] of parts.entries()) {
    writeSafetensors(join(folder, names[i] as string), Object.fromEntries(part));
  }
  rmSync(join(folder, file));
  const map = parts.flatMap((part, i) => part.map(([name]) => [name, names[i]]));
  writeFileSync(
    join(folder, `${file}.index.json`),
    JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) }),
  );
  t.match(await inspectPath(base), { option: "--base", argument: base });
  await using pipe = await load(base);
  const request = cogVideoXRequest("text");
  const [first, second] = [await pipe.sample(request), await pipes.text.sample(request)];
  t.ok(Buffer.from(first.frames).equals(Buffer.from(second.frames)));
});

t.test("the same request makes the same film, and what it says counts", async (t) => {
  const request = cogVideoXRequest("text");
  const first = await pipes.text.sample(request);
  const bytes = Buffer.from(first.frames);
  const film = async (changes: Partial<SampleRequest> = {}) =>
    Buffer.from((await pipes.text.sample({ ...request, ...changes })).frames);
  t.ok(Buffer.from((await pipes.text.sample(first.request)).frames).equals(bytes), "its request");
  const changes: Partial<SampleRequest>[] = [
    { seed: 8 },
    { prompt: "the end" },
    { negativePrompt: "" },
    { guidanceScale: 2 },
    { guidanceScale: 1 },
    { guidanceRange: [0, 0.5] },
    { guidanceRescale: 0.7 },
    { dynamicGuidance: true },
    { scheduler: "cogvideox-dpm" },
    { scheduler: "ddim", eta: 0.5 },
    { zeroTerminalSnr: false },
  ];
  for (const change of changes) t.notOk((await film(change)).equals(bytes), JSON.stringify(change));
  t.ok((await film({ scheduler: "ddim" })).equals(bytes), "DDIM by the model's noise schedule");
  t.equal((await film({ frames: 1 })).length, 16 * 8 * 3, "a still");
  t.equal((await film({ frames: 5 })).length, 5 * 16 * 8 * 3, "an even number of latents");
  t.equal((await film({ width: 8, height: 24 })).length, (bytes.length / 16) * 8 * 3, "another size");
});

t.test("bf16 is near", async (t) => {
  await using pipe = await Pipeline.load({ base: bases.picture, device: "cpu", dtype: "bf16" });
  const request = { ...cogVideoXRequest("picture"), scheduler: "cogvideox-ddim" } as const;
  const [rough, exact] = [await sample(t, pipe, request), await sample(t, pipes.picture, request)];
  assertClose(t, rough.latents, exact.latents, 0.1, "latents");
});

const picture = { data: new Uint8Array(16 * 8 * 3), width: 16, height: 8 };
const refused: [string, Partial<Record<string, unknown>>, RegExp][] = [
  ["image", { image: picture }, /image: this model makes a film of a prompt alone; leave it out/],
  ["context", { context: { length: 2 } }, /context: /],
  ["loop", { loop: true }, /loop: /],
  ["freeInit", { freeInit: true }, /freeInit: /],
  ["noise", { noise: "freenoise" }, /noise: /],
  ["clipSkip", { clipSkip: 1 }, /clipSkip: /],
  ["video", { video: Array(9).fill(picture) }, /video: /],
  ["cacheInterval", { cacheInterval: 2 }, /cacheInterval: /],
  ["tokenMerging", { tokenMerging: 0.5 }, /tokenMerging: /],
  ["prompt", { prompt: { 0: "a", 4: "b" } }, /prompt: /],
  ["frames", { frames: 8 }, /frames: 8 is not allowed/],
  ["width", { width: 20 }, /width: 20 is not allowed; it must be a multiple of 8/],
  ["motionBucket", { motionBucket: 3 }, /motionBucket: /],
  ["scheduler", { scheduler: { _class_name: "CogVideoXDDIMScheduler", clip_sample: true } }, /clip_sample/],
  ["eta", { eta: 0.5 }, /eta: the scheduler "cogvideox-ddim" does not take it/],
  ["steps", { steps: 1001 }, /steps: /],
];

t.test("what it has no use for is refused by name", async (t) => {
  const request = cogVideoXRequest("text");
  for (const [name, changes, message] of refused) {
    const wrong = { ...request, ...changes } as AnyRequest;
    await t.rejects(pipes.text.sample(wrong), { code: "ERR_INVALID_OPTION", message }, name);
  }
  const { image: _, ...without } = cogVideoXRequest("picture");
  await t.rejects(pipes.picture.sample(without), { code: "ERR_INVALID_OPTION", message: /image is missing/ });
  const large = { ...cogVideoXRequest("picture"), width: 24 };
  await t.rejects(pipes.picture.sample(large), {
    code: "ERR_INVALID_OPTION",
    message: /24x8 is not allowed; this model has places for at most 16x8/,
  });
});

t.test("no other network goes with it", async (t) => {
  for (const name of ["motion", "subject", "controls", "ipAdapter", "embeddings"]) {
    const options = { base: bases.text, device: "cpu", [name]: join(bases.text, "transformer") } as const;
    const message = new RegExp(`^${name}: .* is a CogVideoX model, which takes none`);
    await t.rejects(Pipeline.load(options), { code: "ERR_INVALID_OPTION", message }, name);
  }
});

t.test("a config that is none of CogVideoX's, or a part of another model, is refused", async (t) => {
  const wrong: [object, string, RegExp][] = [
    [{ attention_head_dim: 24 }, "ERR_WEIGHTS_FORMAT", /attention_head_dim/],
    [{ ofs_embed_dim: 10 }, "ERR_WEIGHTS_FORMAT", /ofs_embed_dim is 10; it must be time_embed_dim/],
    [
      { use_rotary_positional_embeddings: false },
      "ERR_WEIGHTS_FORMAT",
      /patch_size_t is 2; it goes with rotary positions alone/,
    ],
    [{ in_channels: 12 }, "ERR_WEIGHTS_MISMATCH", /12 input and 4 output channels/],
    [{ text_embed_dim: 11 }, "ERR_WEIGHTS_MISMATCH", /reads 11 numbers of a token/],
    [{ temporal_compression_ratio: 8 }, "ERR_WEIGHTS_MISMATCH", /a latent is 8 frames to the transformer/],
    [{ num_layers: 2 }, "ERR_WEIGHTS_MISMATCH", /transformer_blocks\.1\./],
  ];
  for (const [changes, code, message] of wrong) {
    const base = writeCogVideoX("cogvideox-wrong", "picture", changes);
    await t.rejects(load(base), { code, message }, JSON.stringify(changes));
  }
});

t.test("it says how far it is, and stops when it is told to", async (t) => {
  const request = cogVideoXRequest("picture");
  const phases: string[] = [];
  const onProgress = ({ phase, step, steps, preview }: SampleProgress) => {
    phases.push(`${phase} ${step}/${steps}`);
    if (phase === "denoise") t.match(preview, { width: 4, height: 2 });
  };
  await pipes.picture.sample({ ...request, preview: true, onProgress });
  const decoded = Array.from({ length: 9 }, (_, i) => `decode ${i + 1}/9`);
  t.same(phases, [...["encode 1/2", "encode 2/2", "denoise 1/3", "denoise 2/3", "denoise 3/3"], ...decoded]);
  const controller = new AbortController();
  const stopped = pipes.picture.sample({
    ...request,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await t.rejects(stopped, { code: "ERR_ABORTED" });
});
