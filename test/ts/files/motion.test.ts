import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { convert, Pipeline } from "cameo";
import t from "tap";
import { assertSameTensors } from "../../support/compare.js";
import { writeModel } from "../../support/model_folder.js";
import { sample } from "../../support/parity.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { scheduler } from "../../support/small_model.js";
import type { Tensors } from "../../support/tensors.js";

/** AnimateDiff's own names: a wrapper, numbered attentions, and a copy of the positions in each. */
function original(tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) => {
      const inner = name
        .replace(/(motion_modules\.\d+)\./, "$1.temporal_transformer.")
        .replace(".pos_embed.", ".attention_blocks.0.pos_encoder.")
        .replace(/\.attn([12])\./, (_, n) => `.attention_blocks.${Number(n) - 1}.`)
        .replace(/\.norm([12])\./, (_, n) => `.norms.${Number(n) - 1}.`)
        .replace(".norm3.", ".ff_norm.");
      const copy = inner.replace("attention_blocks.0.pos_encoder", "attention_blocks.1.pos_encoder");
      return copy === inner ? [[inner, tensor]] : [inner, copy].map((each) => [each, tensor]);
    }),
  );
}

const weightsOf = (folder: string) => join(folder, "diffusion_pytorch_model.safetensors");

for (const motion of ["motion", "motion_mid"] as const) {
  t.test(`${motion} is the same in diffusers' folder and as AnimateDiff's file`, async (t) => {
    const model = writeModel(join("build/fixtures", `files-${motion}`), { motion, subject: null, scheduler });
    const folder = model.motion as string;
    const file = join(dirname(folder), "mm.safetensors");
    writeSafetensors(file, original(readSafetensors(weightsOf(folder))));
    const renamed = join(dirname(folder), "renamed.safetensors");
    writeFileSync(renamed, readFileSync(weightsOf(folder)));
    const latentsWith = async (path: string) => {
      await using pipe = await Pipeline.load({
        base: model.base,
        motion: path,
        device: "cpu",
        dtype: "fp32",
      });
      return await sample(t, pipe, { prompt: "a fox", steps: 2, frames: 3, seed: 1, width: 32, height: 32 });
    };
    const expected = await latentsWith(folder);
    for (const path of [file, renamed, weightsOf(folder)])
      assertSameTensors(t, await latentsWith(path), expected, path);
  });
}

t.test("motion modules are converted to and fro, byte by byte", async (t) => {
  const model = writeModel(join("build/fixtures", "files-convert"), {
    motion: "motion",
    subject: null,
    scheduler,
  });
  const expected = readSafetensors(weightsOf(model.motion as string));
  const place = t.testdir();
  const [file, folder, back] = ["mm.safetensors", "motion", "back.safetensors"].map((name) =>
    join(place, name),
  ) as [string, string, string];
  writeSafetensors(file, original(expected), { trained: "yes" });
  const { kind, target, files } = await convert(file, folder);
  t.match({ kind, target }, { kind: "animatediff-original", target: "diffusers" });
  t.same(files, [join(folder, "config.json"), weightsOf(folder)]);
  assertSameTensors(t, readSafetensors(weightsOf(folder)), expected);
  await convert(folder, back, { to: "original" });
  assertSameTensors(t, readSafetensors(back), readSafetensors(file));
});

t.test("tables of positions that differ within a block have no place in diffusers' layout", async (t) => {
  const model = writeModel(join("build/fixtures", "files-tables"), {
    motion: "motion",
    subject: null,
    scheduler,
  });
  const tensors = original(readSafetensors(weightsOf(model.motion as string)));
  const second = Object.keys(tensors).find((name) =>
    name.includes("attention_blocks.1.pos_encoder"),
  ) as string;
  const { shape, data } = tensors[second] as { shape: number[]; data: Float32Array };
  const place = t.testdir();
  writeSafetensors(join(place, "mm.safetensors"), {
    ...tensors,
    [second]: { shape, data: data.map((x) => x + 1) },
  });
  await t.rejects(convert(join(place, "mm.safetensors"), join(place, "out")), {
    code: "ERR_WEIGHTS_MISMATCH",
    message: /one position table a block/,
  });
});
