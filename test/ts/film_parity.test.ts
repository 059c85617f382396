import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import t, { type Test } from "tap";
import { readImage, readVideo } from "#ts/media/index.js";
import { cameo } from "../support/command.js";
import {
  assertFrames,
  assertNumbers,
  type CaseFile,
  parityFolder,
  readCase,
  requestOf,
  sample,
  skipWithout,
} from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";
import type { Tensors } from "../support/tensors.js";

const open = async (t: Test, base: string, motion?: string): Promise<Pipeline> => {
  const pipe = await Pipeline.load({ base, ...(motion && { motion }), device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  return pipe;
};

/** The same by the command line: `pictures` are flags of the case's own. */
async function sampleByCommand(
  t: Test,
  folder: string,
  { file, pictures, motion }: { file: CaseFile & { base: string }; pictures: string[]; motion?: string },
): Promise<Tensors> {
  const place = t.testdir({ "scheduler.json": JSON.stringify(requestOf(file, file).scheduler) });
  const [latents, out] = [
    join(place, "latents.safetensors"),
    join(place, file.frames === 1 ? "a.png" : "a.webp"),
  ];
  const options = {
    base: join(folder, file.base),
    motion: motion && join(folder, motion),
    negative: file.negative_prompt,
    seed: file.seed,
    steps: file.steps,
    guidance: file.guidance,
    size: `${file.width}x${file.height}`,
    scheduler: join(place, "scheduler.json"),
    "save-latents": latents,
    device: "cpu",
    dtype: "fp32",
  };
  const flags = Object.entries(options).flatMap(([name, value]) =>
    value ? [`--${name}`, String(value)] : [],
  );
  const { code, stderr } = await cameo(["sample", ...flags, ...pictures, "-q", "-o", out]);
  t.equal(code, 0, stderr);
  const frames = file.frames === 1 ? (await readImage(out)).data : (await readVideo(out)).frames;
  return { ...readSafetensors(latents), frames: { shape: [], data: frames } };
}

const films = parityFolder("video-to-video-a");

t.test("a film leads to another as in diffusers", skipWithout(films), async (t) => {
  const file = readCase(films);
  const expected = readSafetensors(join(films, "expected.safetensors"));
  const pipe = await open(t, join(films, "sd15-small"), join(films, "motion-adapter"));
  const video = join(films, "film");
  const request = { ...requestOf(file, file), video, strength: file.strength } as SampleRequest;
  const actual = await sample(t, pipe, request);
  assertNumbers(t, actual.initial_noise, expected.initial_noise, "initial_noise");
  assertNumbers(t, actual.start_latents, expected.start_latents, "start_latents");
  assertNumbers(t, actual.timesteps, expected["plain/timesteps"], "timesteps");
  assertNumbers(t, actual.latents, expected["plain/latents"], "latents");
  assertFrames(t, actual, expected["plain/frames"]);

  const pictures = ["--video", video, "--strength", String(file.strength), "--prompt", file.prompt];
  const given = { file: { ...file, base: "sd15-small" }, pictures, motion: "motion-adapter" };
  const { latents } = await sampleByCommand(t, films, given);
  assertNumbers(t, latents, expected["plain/latents"], "latents, by the command line");
});

t.test("a film that is controlled leads to another as in diffusers", skipWithout(films), async (t) => {
  const file = readCase(films);
  const expected = readSafetensors(join(films, "expected.safetensors"));
  const at = (name: string) => join(films, name);
  const pipe = await Pipeline.load({
    ...{ base: at("sd15-small"), motion: at("motion-adapter"), device: "cpu", dtype: "fp32" },
    controls: [at("controlnet-1"), at("controlnet-2")],
  });
  t.teardown(() => pipe.close());
  const controls = [
    { frames: at("control-1"), scale: 0.8, from: 0, to: 0.7 },
    { frames: at("control-2"), scale: 0.5, from: 0.25, to: 1 },
  ];
  const film = { video: at("film"), strength: file.strength };
  const actual = await sample(t, pipe, { ...requestOf(file, file), ...film, controls } as SampleRequest);
  assertNumbers(t, actual.latents, expected["two-controlnets/latents"], "latents");
  assertFrames(t, actual, expected["two-controlnets/frames"]);
});

const inpainting = parityFolder("inpaint-a");

t.test("a part of a picture is painted anew as in diffusers", skipWithout(inpainting), async (t) => {
  const file = readCase(inpainting);
  const expected = readSafetensors(join(inpainting, "expected.safetensors"));
  const [image, mask] = [join(inpainting, "picture.png"), join(inpainting, "mask.png")];
  for (const run of file.runs as (CaseFile & { base: string })[]) {
    const pipe = await open(t, join(inpainting, run.base));
    t.equal(pipe.family, run.name === "nine" ? "inpainting" : "stable-diffusion");
    const request = { ...requestOf(file, file), image, mask, strength: run.strength } as SampleRequest;
    const actual = await sample(t, pipe, request);
    assertNumbers(t, actual.timesteps, expected[`${run.name}/timesteps`], `${run.name}: timesteps`);
    assertNumbers(t, actual.latents, expected[`${run.name}/latents`], `${run.name}: latents`);
    assertFrames(t, actual, expected[`${run.name}/frames`]);
    const strength = ["--strength", String(run.strength)];
    const pictures = ["--image", image, "--mask", mask, ...strength, "--prompt", file.prompt];
    const given = { file: { ...file, base: run.base }, pictures };
    const command = await sampleByCommand(t, inpainting, given);
    assertNumbers(t, command.latents, expected[`${run.name}/latents`], `${run.name}: by the command line`);
    assertFrames(t, command, expected[`${run.name}/frames`]);
  }
});

const edits = parityFolder("instruct-pix2pix-a");

t.test("InstructPix2Pix edits as diffusers does", skipWithout(edits), async (t) => {
  const file = readCase(edits);
  const { latents, frames, image_latents, initial_noise, prompt_embeds, negative_embeds } = readSafetensors(
    join(edits, "expected.safetensors"),
  );
  const pipe = await open(t, join(edits, "sd15-small"));
  t.equal(pipe.describe().family, "instruct-pix2pix");
  const image = join(edits, "picture.png");
  const { prompt, ...request } = requestOf(file, file);
  const edit = { ...request, image, imageGuidanceScale: file.image_guidance };
  const expected = { latents, image_latents, initial_noise, prompt_embeds, negative_embeds };
  const actual = await sample(t, pipe, { ...edit, prompt });
  for (const [name, tensor] of Object.entries(expected)) assertNumbers(t, actual[name], tensor, name);
  assertFrames(t, actual, frames);

  const guidance = ["--image-guidance-scale", String(file.image_guidance)];
  const pictures = ["--image", image, "--instruction", prompt, ...guidance];
  const command = await sampleByCommand(t, edits, { file: { ...file, base: "sd15-small" }, pictures });
  assertNumbers(t, command.latents, latents, "latents, by the command line");
  assertFrames(t, command, frames);
});
