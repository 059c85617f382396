import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
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

interface LatteCase extends CaseFile {
  files: { model: string };
}

const folder = parityFolder("latte-a");
t.test("Latte makes of a prompt what diffusers makes", skipWithout(folder), async (t) => {
  const file = readCase(folder) as LatteCase;
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  await using pipe = await Pipeline.load({
    base: join(folder, file.files.model),
    device: "cpu",
    dtype: "fp32",
  });
  const actual = await sample(t, pipe, { ...requestOf(file, file), frames: file.frames });
  for (const part of [
    "prompt_ids",
    "prompt_embeds",
    "negative_embeds",
    "initial_noise",
    "timesteps",
    "latents",
  ]) {
    t.same(actual[part]?.shape, expected[part]?.shape, `${part}: shape`);
    assertNumbers(t, actual[part], expected[part], part);
  }
  assertFrames(t, actual, expected.frames);
});
