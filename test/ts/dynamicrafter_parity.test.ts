import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import { assertNumbers, parityFolder, readCase, sample, skipWithout } from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";
import type { Tensors } from "../support/tensors.js";

interface DynamiCrafterCase {
  model: "256" | "512";
  checkpoint: string;
  picture: string;
  picture_fitted: string;
  frame_stride_or_fps: number;
  guidance_rescale: number;
}

const encoded = [
  ...["prompt_ids", "negative_ids", "prompt_embeds", "negative_embeds", "image_embeds"],
  ...["uncond_image_embeds", "posterior_noise", "initial_noise"],
];

for (const name of ["dynamicrafter256-a", "dynamicrafter512-a"]) {
  const folder = parityFolder(name);
  t.test(`${name}: it makes what the released program makes`, skipWithout(folder), async (t) => {
    const file = readCase(folder);
    const own = file as unknown as DynamiCrafterCase;
    const expected = readSafetensors(join(folder, "expected.safetensors"));
    await using pipe = await Pipeline.load({
      base: join(folder, own.checkpoint),
      device: "cpu",
      dtype: "fp32",
    });
    t.equal(pipe.family, "dynamicrafter");
    const rate = own.frame_stride_or_fps;
    const told = own.model === "256" ? { frameStride: rate } : { fps: rate };
    const { prompt, negative_prompt: negativePrompt, seed, steps, width, height, frames } = file;
    const request = {
      ...{ prompt, negativePrompt, seed, steps, width, height, frames },
      ...told,
      image: join(folder, own.picture_fitted),
      guidanceScale: file.guidance,
    };
    const { options, defaultSize } = pipe.describe();
    t.match(options, { ...told, steps: 50, guidanceScale: 7.5, guidanceRescale: own.guidance_rescale });
    t.same(defaultSize, [width, height]);

    const check = (actual: Tensors, parts: string[], names: (part: string) => string = (part) => part) => {
      for (const part of parts) assertNumbers(t, actual[part], expected[names(part)], names(part));
    };
    const main = await sample(t, pipe, { ...request, eta: 0 });
    check(main, [...encoded, "image_latents", "latents", "timesteps"]);
    const [uncond, cond] = [expected.unet_uncond_0, expected.unet_cond_0];
    const both = {
      shape: [2, ...(cond?.shape.slice(1) ?? [])],
      data: [...(uncond?.data ?? []), ...(cond?.data ?? [])],
    };
    assertNumbers(t, main.unet_out_0, both as never, "unet_out_0");
    // The released program cuts off what is behind the point.
    const isFar = (value: number, i: number) => Math.abs(value - (main.frames?.data[i] as number)) > 1;
    t.notOk(expected.frames?.data.some(isFar), "frames");
    check(await sample(t, pipe, request), ["latents"], (part) => `eta1.${part}`);
    const mean = await sample(t, pipe, { ...request, eta: 0, referenceLatents: "mode" });
    check(mean, ["image_latents"], (part) => `mean.${part}`);
    const latents = mean.latents?.data as Float32Array;
    const last = { shape: [], data: latents.slice(-(expected["mean.last_latents"]?.data.length ?? 0)) };
    assertNumbers(t, last as never, expected["mean.last_latents"], "mean.last_latents");

    const fitted = await sample(t, pipe, { ...request, image: join(folder, own.picture), steps: 1 });
    t.same(fitted.image_pixels?.data, expected.image_pixels?.data, "the picture is fitted to the pixel");
  });
}
