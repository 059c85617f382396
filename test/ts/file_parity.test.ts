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

const checkpoints = {
  "ldm-single-file-a": "model.safetensors",
  "ldm-ckpt-a": "model.ckpt",
  "ldm-folder-a": "sd15-small",
};

for (const [name, base] of Object.entries(checkpoints)) {
  const folder = parityFolder(name);
  t.test(`${name} is what diffusers makes of it`, skipWithout(folder), async (t) => {
    const file = readCase(folder);
    const expected = readSafetensors(join(folder, "expected.safetensors"));
    const pipe = await Pipeline.load({
      base: join(folder, base),
      ...(base.startsWith("model.") && { tokenizer: join(folder, "tokenizer") }),
      device: "cpu",
      dtype: "fp32",
    });
    t.teardown(() => pipe.close());
    const actual = await sample(t, pipe, requestOf(file, file));
    for (const tensor of ["prompt_embeds", "negative_embeds", "latents"]) {
      assertNumbers(t, actual[tensor], expected[tensor], tensor);
    }
    assertFrames(t, actual, expected.frames);
  });
}

const original = parityFolder("motion-original-a");

t.test(
  "AnimateDiff's own motion modules are what diffusers makes of them",
  skipWithout(original),
  async (t) => {
    const file = readCase(original);
    const expected = readSafetensors(join(original, "expected.safetensors"));
    const pipe = await Pipeline.load({
      base: join(original, "sd15-small"),
      motion: join(original, "mm_sd_v15.ckpt"),
      device: "cpu",
      dtype: "fp32",
    });
    t.teardown(() => pipe.close());
    const actual = await sample(t, pipe, { ...requestOf(file, file), frames: file.frames });
    assertNumbers(t, actual.latents, expected["module/latents"], "latents");
    assertFrames(t, actual, expected["module/frames"]);
  },
);
