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

const folder = parityFolder("i2vgenxl-a");

interface I2VGenCase {
  files: { model: string; picture: string };
  fps: number;
  clip_skip: number;
}

t.test("I2VGen-XL makes of a picture and a prompt what diffusers makes", skipWithout(folder), async (t) => {
  const file = readCase(folder);
  const { files, fps, clip_skip: clipSkip } = file as unknown as I2VGenCase;
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  await using pipe = await Pipeline.load({ base: join(folder, files.model), device: "cpu", dtype: "fp32" });
  t.equal(pipe.family, "i2vgen-xl");
  const { prompt, negative_prompt: negativePrompt, seed, steps, width, height, frames } = file;
  const actual = await sample(t, pipe, {
    ...{ prompt, negativePrompt, seed, steps, width, height, frames, fps, clipSkip },
    image: join(folder, files.picture),
    guidanceScale: file.guidance,
  });
  const parts = ["prompt_embeds", "negative_embeds", "image_embeds", "image_latents", "initial_noise"];
  for (const part of [...parts, "timesteps", "unet_out_0", "latents"]) {
    t.same(actual[part]?.shape, expected[part]?.shape, `${part}: shape`);
    assertNumbers(t, actual[part], expected[part], part);
  }
  assertFrames(t, actual, expected.frames);
});
