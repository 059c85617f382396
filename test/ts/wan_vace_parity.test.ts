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

interface VaceCase extends CaseFile {
  files: { model: string; film: string; mask: string; reference: string };
  conditioning_scale: number;
}

const folder = parityFolder("wan-vace-a");
t.test(
  "VACE makes of a film, a mask and a reference what diffusers makes",
  skipWithout(folder),
  async (t) => {
    const file = readCase(folder) as VaceCase;
    const expected = readSafetensors(join(folder, "expected.safetensors"));
    const { model, film, mask, reference } = file.files;
    await using pipe = await Pipeline.load({ base: join(folder, model), device: "cpu", dtype: "fp32" });
    const actual = await sample(t, pipe, {
      ...requestOf(file, file),
      frames: file.frames,
      video: join(folder, film),
      mask: join(folder, mask),
      reference: join(folder, reference),
      conditioningScale: file.conditioning_scale,
    });
    for (const part of ["prompt_embeds", "initial_noise", "conditioning_latents", "timesteps", "latents"]) {
      t.same(actual[part]?.shape, expected[part]?.shape, `${part}: shape`);
      assertNumbers(t, actual[part], expected[part], part);
    }
    assertFrames(t, actual, expected.frames);
  },
);
