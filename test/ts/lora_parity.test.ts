import { join } from "node:path";
import { Pipeline } from "cameo";
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

const folder = parityFolder("lora-a");

type LoraRun = Run & { loras: { file: string; scale: number }[] };

t.test("LoRAs act as in diffusers, put on and taken off one loaded model", skipWithout(folder), async (t) => {
  const file = readCase(folder);
  const runs = file.runs as LoraRun[];
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  const pipe = await Pipeline.load({
    base: join(folder, "sd15-small"),
    motion: join(folder, "motion-adapter"),
    device: "cpu",
    dtype: "fp32",
  });
  t.teardown(() => pipe.close());
  const request = { ...requestOf(file, file), frames: file.frames };
  const first = await sample(t, pipe, request);
  for (const run of [...runs, ...runs.slice(0, 1)]) {
    await t.test(run.name, async (t) => {
      await pipe.setLora(run.loras.map(({ file, scale }) => ({ path: join(folder, file), scale })));
      const actual = await sample(t, pipe, request);
      for (const name of ["latents", "prompt_embeds", "negative_embeds"]) {
        assertNumbers(t, actual[name], expected[`${run.name}/${name}`], name);
      }
      assertFrames(t, actual, expected[`${run.name}/frames`] ?? expected.frames);
      if (run.loras.length === 0) t.same(actual, first, "to the bit as before any LoRA");
      t.equal(pipe.describe().loras.length, run.loras.length);
    });
  }
});

const original = parityFolder("motion-original-a");

t.test("AnimateDiff's motion LoRA acts as in diffusers", skipWithout(original), async (t) => {
  const file = readCase(original);
  const expected = readSafetensors(join(original, "expected.safetensors"));
  const pipe = await Pipeline.load({
    base: join(original, "sd15-small"),
    motion: join(original, "mm_sd_v15.ckpt"),
    lora: { path: join(original, "v2_lora_ZoomIn.ckpt"), scale: 0.8 },
    device: "cpu",
    dtype: "fp32",
  });
  t.teardown(() => pipe.close());
  const actual = await sample(t, pipe, { ...requestOf(file, file), frames: file.frames });
  assertNumbers(t, actual.latents, expected["module-lora/latents"], "latents");
  assertFrames(t, actual, expected["module-lora/frames"]);
});
