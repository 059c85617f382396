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

interface WanCase extends CaseFile {
  files: { model: string };
}

const folder = parityFolder("wan-a");
t.test("Wan makes of a prompt what diffusers makes", skipWithout(folder), async (t) => {
  const file = readCase(folder) as WanCase;
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  await using pipe = await Pipeline.load({
    base: join(folder, file.files.model),
    device: "cpu",
    dtype: "fp32",
  });
  t.equal(pipe.family, "wan");
  for (const run of file.runs) {
    const prefix = run.name === "" ? "" : `${run.name}/`;
    const actual = await sample(t, pipe, {
      ...requestOf(file, { ...run, steps: file.steps }),
      frames: file.frames,
    });
    for (const part of ["prompt_embeds", "negative_embeds", "initial_noise", "timesteps", "latents"]) {
      const wanted = expected[prefix + part] ?? expected[part];
      t.same(actual[part]?.shape, wanted?.shape, `${prefix}${part}: shape`);
      assertNumbers(t, actual[part], wanted, `${prefix}${part}`);
    }
    if (run.name === "") assertFrames(t, actual, expected.frames);
  }
});
