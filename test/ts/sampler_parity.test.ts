import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import t, { type Test } from "tap";
import { assertClose, compare } from "../support/compare.js";
import { readSafetensors } from "../support/safetensors.js";
import type { Tensor, Tensors } from "../support/tensors.js";

/** Models on which diffusers' pipelines were run; not part of the package. */
const root = process.env.CAMEO_PARITY_CASES ?? "../shared/parity";
const skipWithout = (folder: string) => ({ skip: existsSync(folder) ? false : `${folder} is not there` });

interface Run {
  name: string;
  pipeline?: string;
  scheduler: { name: string } & Record<string, unknown>;
  guidance_rescale?: number;
  steps: number;
}

interface CaseFile extends Run {
  runs: Run[];
  prompt: string;
  negative_prompt: string;
  seed: number;
  guidance: number;
  image_guidance: number;
  width: number;
  height: number;
  frames: number;
}

const readCase = (folder: string) =>
  JSON.parse(readFileSync(join(folder, "case.json"), "utf8").replaceAll("-Infinity", "null")) as CaseFile;

function requestOf(
  file: CaseFile,
  { scheduler, steps, guidance_rescale: guidanceRescale = 0 }: Run,
): SampleRequest {
  const { name, ...fields } = scheduler;
  const { prompt, width, height, seed, guidance, negative_prompt: negativePrompt } = file;
  const sizes = { width, height, steps };
  return {
    ...{ prompt, negativePrompt, seed, guidanceScale: guidance, guidanceRescale, ...sizes },
    scheduler: { _class_name: name, ...fields },
  };
}

async function sample(t: Test, pipe: Pipeline, request: SampleRequest): Promise<Tensors> {
  const saveLatents = join(t.testdir(), "latents.safetensors");
  const video = await pipe.sample({ ...request, saveLatents });
  const { frames, width, height } = video.request;
  return {
    ...readSafetensors(saveLatents),
    frames: { shape: [frames, height, width, 3], data: video.frames },
  };
}

/** The numbers alone: diffusers has no axis for the frames of a still. */
function assertNumbers(
  t: Test,
  actual: Tensor | undefined,
  expected: Tensor | undefined,
  name: string,
): void {
  assertClose(t, actual && { ...actual, shape: expected?.shape ?? [] }, expected, 1e-4, name);
}

const samplers = join(root, "samplers-a");

t.test("every sampler's every step is diffusers'", skipWithout(samplers), async (t) => {
  const file = readCase(samplers);
  const expected = readSafetensors(join(samplers, "expected.safetensors"));
  const base = join(samplers, "sd15-small");
  const films = await Pipeline.load({
    base,
    motion: join(samplers, "motion-adapter"),
    device: "cpu",
    dtype: "fp32",
  });
  const stills = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
  t.teardown(() => Promise.all([films.close(), stills.close()]));
  for (const run of file.runs) {
    const isStill = run.pipeline === "StableDiffusionPipeline";
    await t.test(run.name, async (t) => {
      const request = { ...requestOf(file, run), frames: isStill ? 1 : file.frames };
      const actual = await sample(t, isStill ? stills : films, request);
      assertNumbers(t, actual.latents, expected[`${run.name}/latents`], "latents");
      assertNumbers(t, actual.timesteps, expected[`${run.name}/timesteps`], "timesteps");
      const frames = expected[`${run.name}/frames`];
      if (frames) t.ok(compare(actual.frames?.data ?? [], frames.data).largest <= 1 / 255, "frames");
    });
  }
});

const edits = join(root, "instruct-pix2pix-a");

t.test("InstructPix2Pix edits as diffusers does", skipWithout(edits), async (t) => {
  const file = readCase(edits);
  const { latents, frames, image_latents, initial_noise, prompt_embeds, negative_embeds } = readSafetensors(
    join(edits, "expected.safetensors"),
  );
  const pipe = await Pipeline.load({ base: join(edits, "sd15-small"), device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  t.equal(pipe.describe().family, "instruct-pix2pix");
  const actual = await sample(t, pipe, {
    ...requestOf(file, file),
    image: join(edits, "picture.png"),
    imageGuidanceScale: file.image_guidance,
  });
  const expected = { latents, image_latents, initial_noise, prompt_embeds, negative_embeds };
  for (const [name, tensor] of Object.entries(expected)) assertNumbers(t, actual[name], tensor, name);
  t.ok(compare(actual.frames?.data ?? [], (frames as Tensor).data).largest <= 1 / 255, "frames");
});
