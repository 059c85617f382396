import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnyRequest, Pipeline, SampleRequest } from "cameo";
import type { Test } from "tap";
import { assertClose } from "./compare.js";
import { readSafetensors } from "./safetensors.js";
import type { Tensor, Tensors } from "./tensors.js";

/** Models on which diffusers' pipelines were run; not part of the package. */
const root = process.env.CAMEO_PARITY_CASES ?? "../shared/parity";
export const parityFolder = (name: string) => join(root, name);
export const skipWithout = (folder: string) => ({
  skip: existsSync(folder) ? false : `${folder} is not there`,
});

export interface Run {
  name: string;
  pipeline?: string;
  scheduler: { name: string } & Record<string, unknown>;
  guidance_rescale?: number;
  steps: number;
  strength?: number;
}

export interface CaseFile extends Run {
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

export const readCase = (folder: string) =>
  JSON.parse(readFileSync(join(folder, "case.json"), "utf8").replaceAll("-Infinity", "null")) as CaseFile;

export function requestOf(
  file: CaseFile,
  { scheduler, steps, guidance_rescale: guidanceRescale = 0 }: Run,
): SampleRequest & { prompt: string } {
  const { name, ...fields } = scheduler;
  const { prompt, width, height, seed, guidance, negative_prompt: negativePrompt } = file;
  const sizes = { width, height, steps };
  return {
    ...{ prompt, negativePrompt, seed, guidanceScale: guidance, guidanceRescale, ...sizes },
    scheduler: { _class_name: name, ...fields },
  };
}

export async function sample(t: Test, pipe: Pipeline, request: AnyRequest): Promise<Tensors> {
  const folder = mkdtempSync(join(tmpdir(), "cameo-latents-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const saveLatents = join(folder, "latents.safetensors");
  const video = await pipe.sample({ ...request, saveLatents });
  const { frames, width, height } = video.request;
  return {
    ...readSafetensors(saveLatents),
    frames: { shape: [frames, height, width, 3], data: video.frames },
  };
}

/** The numbers alone: diffusers has no axis for the frames of a still. */
export function assertNumbers(
  t: Test,
  actual: Tensor | undefined,
  expected: Tensor | undefined,
  name: string,
): void {
  assertClose(t, actual && { ...actual, shape: expected?.shape ?? [] }, expected, 1e-4, name);
}

/** 8-bit frames, of which each number may be off by one. */
export function assertFrames(t: Test, actual: Tensors, expected: Tensor | undefined): void {
  const [made, wanted] = [actual.frames?.data ?? [], (expected as Tensor).data];
  t.equal(made.length, wanted.length, "frames: how many numbers");
  t.ok(
    wanted.every((value, i) => Math.abs(value - (made[i] as number)) <= 1),
    "frames",
  );
}
