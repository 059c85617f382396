import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AnyRequest, Pipeline, type SampleRequest } from "cameo";
import t from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { assertClose } from "../support/compare.js";
import { sample } from "../support/parity.js";
import type { Tensor } from "../support/tensors.js";
import { wanRequest, writeReleasedWan, writeWan } from "../support/wan_model.js";

const place = { device: "cpu", dtype: "fp32" } as const;
const { base, phantom } = writeReleasedWan("phantom");
const picture = (seed: number) => ({
  data: Uint8Array.from({ length: 3 * 20 * 10 }, (_, i) => (i * seed) % 251),
  width: 20,
  height: 10,
});
const request = { ...wanRequest(), reference: [picture(7), picture(11)], imageGuidanceScale: 3 };
const pipe = await Pipeline.load({ base, subject: phantom, ...place });
t.teardown(() => pipe.close());

const numbers = (tensor: Tensor | undefined) => [...(tensor?.data ?? [])] as number[];

t.test("a released folder makes the film of one in diffusers' layout", async (t) => {
  const { reference, imageGuidanceScale, ...plain } = request;
  const scheduler = {
    ...{ _class_name: "UniPCMultistepScheduler", prediction_type: "flow_prediction" },
    ...{ use_flow_sigmas: true, released_flow_sigmas: true, flow_shift: 5 },
  };
  await using released = await Pipeline.load({ base, ...place });
  await using diffusers = await Pipeline.load({ base: writeWan("phantom-diffusers"), ...place });
  t.match(released.describe(), { family: "wan", scheduler: "unipc" });
  t.match(released.describe().options.negativePrompt, /^色调艳丽/);
  const [one, other] = [
    await sample(t, released, plain),
    await sample(t, diffusers, { ...plain, scheduler } as AnyRequest),
  ];
  t.same(numbers(one.timesteps), [999, 908, 713]);
  assertClose(t, one.latents, other.latents as Tensor, 1e-6, "latents");
  t.same(one.frames, other.frames);
  const dpm = await sample(t, released, { ...plain, scheduler: "dpmpp-2m" });
  t.same(numbers(dpm.timesteps), [1000, 909, 714], "DPM++ begins with noise alone");
  t.ok(numbers(dpm.latents).every(Number.isFinite));
});

t.test("references stand after the film, clean, and guidance has two scales", async (t) => {
  t.match(pipe.describe(), { subject: true, imageGuidance: true, referenceSize: "own" });
  const { options } = pipe.describe();
  t.match(options, { guidanceScale: 7.5, imageGuidanceScale: 5, reference: [] });
  for (const name of ["subjects", "referenceNoise", "instruction", "image"]) t.notOk(name in options, name);
  const made = await sample(t, pipe, { ...request, steps: 1 });
  t.same(made.reference_latents?.shape, [1, 16, 2, 4, 4]);
  t.same(made.initial_noise?.shape, [1, 16, 4, 4, 4], "two latents of the film, two of references");
  const [input, output] = [numbers(made.unet_in_0), numbers(made.unet_out_0)];
  const [noise, references] = [numbers(made.initial_noise), numbers(made.reference_latents)];
  const size = noise.length;
  t.same([made.unet_in_0?.shape, made.unet_out_0?.shape], Array(2).fill([3, 16, 4, 4, 4]));
  const expected = [0, 1, 2].flatMap((branch) =>
    noise.map((value, i) => {
      const [channel, frame, cell] = [Math.floor(i / 64), Math.floor(i / 16) % 4, i % 16];
      if (frame < 2) return value;
      return branch === 0 ? 0 : (references[32 * channel + 16 * (frame - 2) + cell] as number);
    }),
  );
  t.same(input, expected, "what each branch sees");
  // One step leads to the clean sample: x - sigma v.
  const sigma = Math.fround((5 * 0.999) / (1 + 4 * 0.999));
  const latents = Float32Array.from(noise, (value, i) => {
    const [none = 0, pictures = 0, all = 0] = [0, 1, 2].map((branch) => output[branch * size + i]);
    const guided = none + 3 * (pictures - none) + 5 * (all - pictures);
    return value - sigma * guided;
  });
  assertClose(t, made.latents, { shape: made.latents?.shape ?? [], data: latents }, 1e-5, "latents");
  t.equal(made.frames?.shape[0], request.frames, "references are cut off");
});

t.test("branches that guidance doesn't ask for are not computed", async (t) => {
  const rows = async (imageGuidanceScale: number, guidanceScale: number) =>
    (await sample(t, pipe, { ...request, steps: 1, imageGuidanceScale, guidanceScale })).unet_in_0?.shape[0];
  t.same([await rows(3, 5), await rows(1, 5), await rows(5, 5), await rows(1, 1)], [3, 2, 2, 1]);
  const near = async (change: Partial<SampleRequest>, other: Partial<SampleRequest>) => {
    const [one, two] = [
      await sample(t, pipe, { ...request, ...change }),
      await sample(t, pipe, { ...request, ...other }),
    ];
    assertClose(t, one.latents, two.latents as Tensor, 1e-3, JSON.stringify(change));
  };
  await near({ imageGuidanceScale: 1 }, { imageGuidanceScale: 1 + 1e-5 });
  await near({ imageGuidanceScale: 5 }, { imageGuidanceScale: 5 - 1e-5 });
});

t.test("on diffusers' layout it is the same film; others are refused", async (t) => {
  await using other = await Pipeline.load({
    base: writeWan("phantom-diffusers"),
    subject: phantom,
    ...place,
  });
  const [one, two] = [await sample(t, pipe, request), await sample(t, other, request)];
  t.same(one.latents, two.latents);
  const refuse = (changes: object, message: RegExp) =>
    t.rejects(pipe.sample({ ...request, ...changes } as AnyRequest), { code: "ERR_INVALID_OPTION", message });
  await refuse({ reference: [] }, /reference is missing/);
  await refuse({ reference: Array(5).fill(picture(7)) }, /reference: 5 pictures are not allowed; .* 1 to 4/);
  await refuse({ reference: undefined, subjects: [{ reference: picture(7) }] }, /subjects: this model/);
  await refuse({ referenceNoise: 0.5 }, /referenceNoise: this model/);
  const wrong = (subject: string) => Pipeline.load({ base, subject, ...place });
  const text = join(base, "models_t5_umt5-xxl-enc-bf16.pth");
  await t.rejects(wrong(text), {
    code: "ERR_WEIGHTS_MISMATCH",
    message: /Phantom's transformer was expected; this is Wan's text encoder/,
  });
  await t.rejects(wrong(join(base, "Wan2.1_VAE.pth")), {
    code: "ERR_WEIGHTS_MISMATCH",
    message: /Phantom's transformer was expected; this is Wan's VAE/,
  });
});

t.test("a base needs no transformer of its own where a subject has one", async (t) => {
  const bare = writeWan("phantom-bare");
  rmSync(join(bare, "transformer/diffusion_pytorch_model.safetensors"));
  await using other = await Pipeline.load({ base: bare, subject: phantom, ...place });
  t.same((await sample(t, pipe, request)).latents, (await sample(t, other, request)).latents);
  await t.rejects(Pipeline.load({ base: bare, ...place }), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /transformer: diffusion_pytorch_model or model was expected/,
  });
});

t.test("heads come from the config beside the transformer", async (t) => {
  const { base: other } = writeReleasedWan("phantom-heads");
  const load = () => Pipeline.load({ base: other, ...place });
  const say = (config: object) =>
    writeFileSync(join(other, "config.json"), JSON.stringify({ _class_name: "WanModel", ...config }));
  for (const config of [{ num_heads: 5 }, {}]) {
    say(config);
    await t.rejects(load(), { code: "ERR_WEIGHTS_FORMAT", message: /its width of 24 .* num_heads/ });
  }
  say({ num_heads: 2 });
  rmSync(join(other, "Wan2.1_VAE.pth"));
  await t.rejects(load(), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /it has no VAE: Wan2.1_VAE.pth was expected/,
  });
});

t.test("cameo inspect knows the files", async (t) => {
  const inspection = await inspectPath(base);
  t.match(inspection, { kind: "pipeline", option: "--base", argument: base });
  const kinds = Object.entries(inspection.components ?? {}).map(([name, { kind }]) => [name, kind]);
  t.same(Object.fromEntries(kinds), {
    transformer: "wan-released",
    vae: "wan-vae",
    text_encoder: "wan-text",
  });
  t.match(await inspectPath(join(base, "models_t5_umt5-xxl-enc-bf16.pth")), {
    option: "--base",
    argument: base,
  });
  t.match(await inspectPath(phantom), { kind: "wan-released", option: "--subject", argument: phantom });
});

t.test("in windows, each has the references", async (t) => {
  const film = { ...request, steps: 1, frames: 13 };
  const windowed = { ...film, context: { length: 9, overlap: 4 } };
  const made = await sample(t, pipe, windowed);
  t.same(made.initial_noise?.shape, [1, 16, 6, 4, 4], "four latents of the film, two of references");
  t.same(made.unet_in_0?.shape, [3, 16, 5, 4, 4], "three of a window, and the references");
  const [input, noise] = [numbers(made.unet_in_0), numbers(made.initial_noise)];
  const references = numbers(made.reference_latents);
  const ofAll = input.slice(2 * 16 * 80);
  const expected = ofAll.map((_, i) => {
    const [channel, frame, cell] = [Math.floor(i / 80), Math.floor(i / 16) % 5, i % 16];
    if (frame < 3) return noise[96 * channel + 16 * frame + cell];
    return references[32 * channel + 16 * (frame - 3) + cell];
  });
  t.same(ofAll, expected, "the first window");
  t.equal(made.frames?.shape[0], 13);
  const whole = await sample(t, pipe, film);
  t.not(String(made.frames?.data), String(whole.frames?.data), "windows are not the whole film");
  const one = await sample(t, pipe, { ...film, context: { length: 13 } });
  t.same(one.frames, whole.frames, "a window as long as the film is the film");
  const wrong = pipe.sample({ ...film, context: { length: 10 } });
  await t.rejects(wrong, {
    code: "ERR_INVALID_OPTION",
    message: /^context\.length: 10 is not allowed; .* of which 9 and 13 are the nearest/,
  });
});
