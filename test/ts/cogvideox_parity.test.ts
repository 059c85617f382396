import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
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
import type { Tensors } from "../support/tensors.js";

interface FilmCase extends CaseFile {
  files: { model: string; picture?: string };
}

/** A run's tensors: those with its name before, and what all runs have in common. */
function tensorsOf(all: Tensors, run: string): Tensors {
  const own = Object.entries(all).filter(([name]) => run !== "" && name.startsWith(`${run}/`));
  const common = Object.entries(all).filter(([name]) => !name.includes("/"));
  return Object.fromEntries([
    ...common,
    ...own.map(([name, tensor]) => [name.slice(run.length + 1), tensor]),
  ]);
}

for (const [name, what] of [
  ["cogvideox-t2v-a", "a text"],
  ["cogvideox-i2v-a", "a text and a picture"],
] as const) {
  const folder = parityFolder(name);
  t.test(`CogVideoX makes of ${what} what diffusers makes`, skipWithout(folder), async (t) => {
    const file = readCase(folder) as FilmCase;
    const expected = readSafetensors(join(folder, "expected.safetensors"));
    const base = join(folder, file.files.model);
    await using pipe = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
    t.equal(pipe.family, "cogvideox");
    for (const run of file.runs) {
      const request: SampleRequest = {
        ...requestOf(file, { ...run, steps: file.steps }),
        frames: file.frames,
        dynamicGuidance: (run as { use_dynamic_cfg?: boolean }).use_dynamic_cfg ?? false,
      };
      if (file.files.picture) request.image = join(folder, file.files.picture);
      const wanted = tensorsOf(expected, run.name);
      const actual = await sample(t, pipe, request);
      const parts = ["prompt_embeds", "negative_embeds", "initial_noise", "timesteps", "latents"];
      const ofPicture = file.files.picture ? ["picture_encoding_noise", "image_latents"] : [];
      for (const part of [...parts, ...ofPicture]) {
        t.same(actual[part]?.shape, wanted[part]?.shape, `${run.name} ${part}: shape`);
        assertNumbers(t, actual[part], wanted[part], `${run.name} ${part}`);
      }
      assertNumbers(t, actual.unet_out_0, wanted.model_out_0, `${run.name} model_out_0`);
      if (run.name === "") assertFrames(t, actual, expected.frames);
    }
  });
}
