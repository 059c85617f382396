import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import t from "tap";
import {
  assertFrames,
  assertNumbers,
  parityFolder,
  type Run,
  readCase,
  requestOf,
  sample,
  skipWithout,
} from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";

const folder = parityFolder("free-noise-a");

interface FreeNoiseRun extends Run {
  prompt: SampleRequest["prompt"];
  weighting_scheme: string | null;
}

const noises = {
  shuffle_context: "freenoise",
  random: "freenoise-random",
} as Record<string, SampleRequest["noise"]>;
const weights = {
  flat: "flat",
  pyramid: "pyramid",
  delayed_reverse_sawtooth: "sawtooth",
} as Record<string, NonNullable<SampleRequest["context"]>["weights"]>;

t.test("FreeNoise and prompts over time are diffusers'", skipWithout(folder), async (t) => {
  const file = readCase(folder) as ReturnType<typeof readCase> & {
    context_length: number;
    context_stride: number;
    noise_type: string;
  };
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  await using pipe = await Pipeline.load({
    base: join(folder, "sd15-small"),
    motion: join(folder, "motion-adapter"),
    device: "cpu",
    dtype: "fp32",
  });
  for (const run of file.runs as FreeNoiseRun[]) {
    await t.test(run.name, async (t) => {
      const context = {
        length: file.context_length,
        overlap: file.context_length - file.context_stride,
        weights: weights[run.weighting_scheme ?? ""],
      };
      const windows = run.weighting_scheme === null ? {} : { noise: noises[file.noise_type], context };
      const request = { ...requestOf(file, file), frames: file.frames, prompt: run.prompt, ...windows };
      const actual = await sample(t, pipe, request);
      assertNumbers(t, actual.latents, expected[`${run.name}/latents`], "latents");
      assertNumbers(t, actual.timesteps, expected[`${run.name}/timesteps`], "timesteps");
      const noise = expected[run.name === "plain" ? "drawn_noise" : "initial_noise"];
      assertNumbers(t, actual.initial_noise, noise, "initial noise");
      if (run.name === "windows") assertFrames(t, actual, expected.frames);
      if (run.name === "prompt-travel")
        assertNumbers(t, actual.prompt_embeds, expected["prompt-travel/frame_embeds"], "each frame's text");
    });
  }
});
