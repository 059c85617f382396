import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type AnyRequest, Pipeline, type SampleProgress, type SampleRequest } from "cameo";
import t from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { assertClose } from "../support/compare.js";
import { dynamiCrafterFilms, writeDynamiCrafterModel } from "../support/dynamicrafter_model.js";
import { assertFrames, sample } from "../support/parity.js";
import { fixtures } from "../support/probes.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";

const films = dynamiCrafterFilms();
const bases = {
  eps: writeDynamiCrafterModel("dynamicrafter-eps", "eps"),
  v: writeDynamiCrafterModel("dynamicrafter-v", "v"),
};
const load = (base: string) => Pipeline.load({ base, device: "cpu", dtype: "fp32" });
const pipes = { eps: await load(bases.eps), v: await load(bases.v) };
t.teardown(() => Promise.all(Object.values(pipes).map((pipe) => pipe.close())));
const { request } = films.v as { request: SampleRequest };

t.test("it is found by itself, and says what it takes", async (t) => {
  for (const pipe of Object.values(pipes)) {
    t.equal(pipe.family, "dynamicrafter");
    const { networks, options } = pipe.describe();
    t.same(
      networks.map(({ name }) => name),
      ["text_encoder", "image_encoder", "ip_adapter", "vae", "unet"],
    );
    t.match(options, { frames: 16, steps: 50, guidanceScale: 7.5, clipSkip: 1, referenceLatents: "sample" });
    t.match(options, { image: null, lastImage: null, scheduler: "ddim-lvdm", longPrompt: "cut" });
    for (const name of ["reference", "video", "context", "motionBucket", "strength"])
      t.notOk(name in options, name);
  }
  t.match(pipes.eps.describe().options, { frameStride: 3, fps: 8, guidanceRescale: 0 });
  t.match(pipes.v.describe().options, { fps: 9, guidanceRescale: 0.7 });
  t.notOk("frameStride" in pipes.v.describe().options);
});

t.test("cameo inspect knows the file", async (t) => {
  t.match(await inspectPath(bases.v), { kind: "dynamicrafter", option: "--base", argument: bases.v });
});

t.test("it makes what the released code makes", async (t) => {
  const expected = readSafetensors(join(fixtures, "dynamicrafter/expected.safetensors"));
  for (const [name, { model, steps, request }] of Object.entries(films)) {
    const actual = await sample(t, pipes[model], request);
    const { shape = [], data = [] } = actual.latents ?? {};
    t.equal(shape[0], steps, `${name}: steps`);
    const last = {
      shape: shape.slice(1),
      data: data.slice((data.length / steps) * (steps - 1)) as Float32Array,
    };
    assertClose(t, last, expected[`${name}.latents`], 1e-4, `${name}: latents`);
    assertFrames(t, actual, expected[`${name}.frames`]);
  }
});

t.test("which model it is, its buffers say where no config does", async (t) => {
  const tensors = readSafetensors(bases.v);
  const { alphas_cumprod, scale_arr, ...networks } = tensors;
  const folder = "build/fixtures/dynamicrafter-bare";
  rmSync(folder, { recursive: true, force: true });
  const write = (given: typeof tensors, yaml: string) => {
    const file = writeDynamiCrafterModel("dynamicrafter-bare", "v");
    writeSafetensors(file, given);
    writeFileSync(join(dirname(file), "config.yaml"), yaml);
    return file;
  };
  const sizes =
    "model:\n  params:\n    unet_config:\n      params: # of the UNet\n        num_head_channels: 8\n" +
    "    image_proj_stage_config:\n      params:\n        dim_head: 12\n";
  const facts = async (file: string) => {
    await using pipe = await load(file);
    const { defaultSize, options } = pipe.describe();
    const { fps, guidanceRescale, frameStride } = options;
    return { defaultSize, fps, guidanceRescale, frameStride };
  };
  const is512 = { defaultSize: [512, 320], fps: 24, guidanceRescale: 0.7, frameStride: undefined };
  t.same(await facts(write(tensors, sizes)), is512);
  t.same(await facts(write(networks, sizes)), is512, "without buffers");
  const scales = Float32Array.from(scale_arr?.data ?? [], () => 0.3);
  t.same(
    await facts(write({ ...tensors, scale_arr: { shape: [1400], data: scales } }, sizes)),
    { ...is512, defaultSize: [1024, 576], fps: 10 },
    "1024",
  );
  const { alphas_cumprod: _, ...eps } = readSafetensors(bases.eps);
  t.same(
    await facts(write(eps, sizes)),
    { defaultSize: [256, 256], fps: 8, guidanceRescale: 0, frameStride: 3 },
    "256, by its learned scales",
  );
  const wrong: [string, RegExp][] = [
    ["    uncond_type: zero_embed\n", /uncond_type is "zero_embed"; DynamiCrafter's released models have/],
    ["    timesteps: many\n", /timesteps must be a whole number from 1 on/],
    ["    linear_end: [1]\n", /linear_end must be a number/],
  ];
  for (const [line, message] of wrong) {
    await t.rejects(load(write(tensors, sizes + line)), { code: "ERR_WEIGHTS_FORMAT", message }, line);
  }
  await t.rejects(load(write(tensors, "model:\n")), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /no config.yaml beside it says how large a head/,
  });
  await t.rejects(load(write(tensors, "model:\n\tparams")), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /config.yaml: line 2 is/,
  });
});

t.test("a checkpoint of DeepSpeed's", async (t) => {
  const wrapped = Object.entries(readSafetensors(bases.v)).map(([name, tensor]) => [
    `_forward_module.${name}`,
    tensor,
  ]);
  const file = writeDynamiCrafterModel("dynamicrafter-deepspeed", "v");
  writeSafetensors(file, Object.fromEntries(wrapped));
  await using pipe = await load(file);
  const [one, other] = [await pipe.sample(request), await pipes.v.sample(request)];
  t.ok(Buffer.from(one.frames).equals(Buffer.from(other.frames)));
});

t.test("the same request makes the same film, and what it says counts", async (t) => {
  const pipe = pipes.v;
  const film = async (changes: Partial<SampleRequest> = {}) =>
    Buffer.from((await pipe.sample({ ...request, ...changes })).frames);
  const first = await pipe.sample(request);
  const { request: complete } = first;
  t.ok(Buffer.from((await pipe.sample(complete)).frames).equals(Buffer.from(first.frames)), "its request");
  const changes: Partial<SampleRequest>[] = [
    { seed: 8 },
    { prompt: "A cat" },
    { negativePrompt: "cat" },
    { fps: 13 },
    { clipSkip: 0 },
    { guidanceScale: 2 },
    { guidanceRange: [0, 0.5] },
    { guidanceRescale: 0 },
    { eta: 0 },
    { spacing: "leading" },
    { spacing: "linspace" },
    { scheduler: "ddim", spacing: "trailing" },
    { referenceLatents: "mode" },
    { lastImage: request.image },
    { fit: "fill" },
    { fit: "contain" },
  ];
  for (const change of changes) {
    t.notOk((await film(change)).equals(Buffer.from(first.frames)), JSON.stringify(change));
  }
  const plain = 'A superman running, wearing the blue cat\'s "hat"!';
  t.ok((await film({ prompt: plain })).equals(Buffer.from(first.frames)), "as OpenCLIP cleans prompts");
  t.equal((await film({ frames: 1 })).length, 12 * 8 * 3, "a still");
});

const picture = request.image;
const refused: [string, Partial<Record<string, unknown>>, RegExp][] = [
  ["reference", { reference: picture }, /reference: this model makes a film of image, by the prompt; leave/],
  ["motionScale", { motionScale: 2 }, /motionScale: this model makes/],
  ["context", { context: { length: 2 } }, /context: this model makes/],
  ["mask", { mask: picture }, /mask: this model makes/],
  ["video", { image: undefined, video: [picture] }, /video: this model makes/],
  ["frameStride", { frameStride: 4 }, /frameStride: this model makes/],
  ["image", { image: undefined }, /image is missing: this model makes a film of a picture: give it as image/],
  ["prompt", { prompt: { 0: "a dog", 1: "a cat" } }, /prompt: this model takes one text for all frames/],
  [
    "longPrompt",
    { prompt: "cat ".repeat(80), longPrompt: "chunks" },
    /prompt: this model reads 75 tokens and/,
  ],
  ["clipSkip", { clipSkip: 2 }, /clipSkip: 2 is not allowed; the text encoder has 2 layers/],
  ["width", { width: 25 }, /width: 25 is not allowed; it must be a multiple of 2/],
];

t.test("what it has no use for is refused by name", async (t) => {
  for (const [name, changes, message] of refused) {
    const wrong = { ...request, ...changes } as AnyRequest;
    await t.rejects(pipes.v.sample(wrong), { code: "ERR_INVALID_OPTION", message }, name);
  }
  for (const name of ["motion", "subject", "controls", "ipAdapter", "embeddings"]) {
    const options = { base: bases.v, device: "cpu", [name]: bases.v } as const;
    const message = new RegExp(`^${name}: .* is a DynamiCrafter model, which takes none`);
    await t.rejects(Pipeline.load(options), { code: "ERR_INVALID_OPTION", message }, name);
  }
});

t.test("a damaged file is said to be one", async (t) => {
  const { "model.diffusion_model.init_attn.0.proj_in.weight": _, ...others } = readSafetensors(bases.v);
  const file = writeDynamiCrafterModel("dynamicrafter-damaged", "v");
  writeSafetensors(file, others);
  await t.rejects(load(file), {
    code: "ERR_WEIGHTS_MISMATCH",
    message: /missing parameters \(1\): "transformer_in.proj_in.weight"/,
  });
  writeFileSync(file, readFileSync(file).subarray(0, 100_000));
  await t.rejects(load(file), { code: "ERR_WEIGHTS_FORMAT" });
});

t.test("it says how far it is, and stops when it is told to", async (t) => {
  const phases: string[] = [];
  const onProgress = ({ phase, step, steps }: SampleProgress) => phases.push(`${phase} ${step}/${steps}`);
  await pipes.v.sample({ ...request, onProgress });
  t.same(phases, [
    ...["encode 1/3", "encode 2/3", "encode 3/3", "denoise 1/2", "denoise 2/2"],
    ...["decode 1/3", "decode 2/3", "decode 3/3"],
  ]);
  const controller = new AbortController();
  const stopped = pipes.v.sample({
    ...request,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await t.rejects(stopped, { code: "ERR_ABORTED" });
});
