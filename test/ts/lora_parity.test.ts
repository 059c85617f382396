import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import { assertClose, compare } from "../support/compare.js";
import { readSafetensors } from "../support/safetensors.js";
import type { Tensor } from "../support/tensors.js";

/** A model on which diffusers' pipeline was run with LoRAs; not part of the package. */
const folder = join(process.env.CAMEO_PARITY_CASES ?? "../shared/parity", "lora-a");
const skip = existsSync(folder) ? false : `${folder} is not there`;

interface CaseFile {
  prompt: string;
  negative_prompt: string;
  seed: number;
  steps: number;
  guidance: number;
  width: number;
  height: number;
  frames: number;
  scheduler: { name: string } & Record<string, unknown>;
  runs: { name: string; loras: { file: string; scale: number }[] }[];
}

t.test("LoRAs act as in diffusers, put on and taken off one loaded model", { skip }, async (t) => {
  const file = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as CaseFile;
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  const computing = { device: "cpu", dtype: "fp32" } as const;
  const pipe = await Pipeline.load({
    base: join(folder, "sd15-small"),
    motion: join(folder, "motion-adapter"),
    ...computing,
  });
  t.teardown(() => pipe.close());
  const { name: _class_name, ...fields } = file.scheduler;
  const { prompt, seed, steps, width, height, frames } = file;
  const sizes = { steps, width, height, frames };
  const saveLatents = join(t.testdir(), "latents.safetensors");
  const request = {
    ...{ prompt, negativePrompt: file.negative_prompt, seed, guidanceScale: file.guidance, ...sizes },
    ...{ scheduler: { _class_name, ...fields }, saveLatents },
  };
  const sample = async () => {
    const { frames } = await pipe.sample(request);
    return { frames, tensors: readSafetensors(saveLatents) };
  };
  const first = await sample();
  for (const run of [...file.runs, ...file.runs.slice(0, 1)]) {
    await t.test(run.name, async (t) => {
      await pipe.setLora(run.loras.map(({ file, scale }) => ({ path: join(folder, file), scale })));
      const made = await sample();
      for (const name of ["latents", "prompt_embeds", "negative_embeds"] as const) {
        const [actual, wanted] = [made.tensors[name], expected[`${run.name}/${name}`]];
        assertClose(t, actual && { ...actual, shape: wanted?.shape ?? [] }, wanted, 1e-4, name);
      }
      const { data } = expected[`${run.name}/frames`] ?? (expected.frames as Tensor);
      t.ok(compare(made.frames, data).largest <= 1 / 255, "frames");
      if (run.loras.length === 0) t.same(made, first, "to the bit as before any LoRA");
      t.equal(pipe.describe().loras.length, run.loras.length);
    });
  }
});
