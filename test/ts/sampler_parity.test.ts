import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import {
  assertFrames,
  assertNumbers,
  parityFolder,
  readCase,
  requestOf,
  sample,
  skipWithout,
} from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";

const samplers = parityFolder("samplers-a");

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
      if (frames) assertFrames(t, actual, frames);
    });
  }
});
