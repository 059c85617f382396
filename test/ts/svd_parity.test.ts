import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import {
  assertFrames,
  assertNumbers,
  parityFolder,
  readCase,
  sample,
  skipWithout,
} from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";

const folder = parityFolder("svd-a");

interface SvdCase {
  files: { model: string; picture: string };
  seed: number;
  steps: number;
  guidance_min: number;
  guidance_max: number;
  width: number;
  height: number;
  frames: number;
  fps: number;
  motion_bucket_id: number;
  noise_aug_strength: number;
}

t.test("Stable Video Diffusion makes of a picture what diffusers makes", skipWithout(folder), async (t) => {
  const file = readCase(folder) as unknown as SvdCase;
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  const base = join(folder, file.files.model);
  await using pipe = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
  t.equal(pipe.family, "svd");
  const actual = await sample(t, pipe, {
    image: join(folder, file.files.picture),
    seed: file.seed,
    steps: file.steps,
    frames: file.frames,
    fps: file.fps,
    width: file.width,
    height: file.height,
    motionBucket: file.motion_bucket_id,
    noiseAugmentation: file.noise_aug_strength,
    minGuidanceScale: file.guidance_min,
    guidanceScale: file.guidance_max,
  });
  const parts = ["picture_noise", "image_embeds", "image_latents", "initial_noise", "timesteps"];
  for (const part of [...parts, "unet_in_0", "unet_out_0", "latents"]) {
    t.same(actual[part]?.shape, expected[part]?.shape, `${part}: shape`);
    assertNumbers(t, actual[part], expected[part], part);
  }
  assertFrames(t, actual, expected.frames);
});
