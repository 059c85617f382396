import { join } from "node:path";
import { type LoadOptions, Pipeline } from "cameo";
import t from "tap";
import { drawCheckpoint, type LayoutCase, layoutCases, partOf } from "../../support/layouts.js";
import { adapter, kohya, originalMotion } from "../../support/loras.js";
import { writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import type { Tensors } from "../../support/tensors.js";

const model = writeSmallModel("places");
const layout = layoutCases["two-blocks"] as LayoutCase;
const numbers = (...shape: number[]) => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b)).fill(0.5),
});

function lora([down, up]: readonly string[]): Tensors {
  const factors = adapter({ name: "", shape: [8, 8] }, { rank: 2 });
  return { [down as string]: factors.down, [up as string]: factors.up };
}

const block = "down_blocks.0.motion_modules.0";
/** What each file is, with the option that takes it. */
const files: Record<string, [flag: string, tensors: Tensors]> = {
  checkpoint: ["--base", drawCheckpoint(layout)],
  vae: ["--vae", partOf(layout, drawCheckpoint(layout), "vae")],
  motion: ["--motion", { [`${block}.temporal_transformer.norm.weight`]: numbers(8) }],
  lora: ["--lora", lora(kohya("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"))],
  "motion-lora": ["--lora", lora(originalMotion(`${block}.transformer_blocks.0.attn1.to_q`))],
  word: ["--embedding", { emb_params: numbers(2, 8) }],
};
const places: [flag: string, options: (path: string) => Partial<LoadOptions>][] = [
  ["--base", (path) => ({ base: path })],
  ["--motion", (path) => ({ motion: path })],
  ["--subject", (path) => ({ subject: path })],
  ["--vae", (path) => ({ vae: path })],
  ["--lora", (path) => ({ lora: [path] })],
  ["--embedding", (path) => ({ embeddings: path })],
];

t.test("a file in the wrong place is told its right one", async (t) => {
  const place = t.testdir();
  for (const [name, [flag, tensors]] of Object.entries(files)) {
    const path = join(place, `${name}.safetensors`);
    writeSafetensors(path, tensors);
    for (const [other, options] of places) {
      // A checkpoint has a VAE, too.
      const isTaken = other === flag || (name === "checkpoint" && other === "--vae");
      if (isTaken) continue;
      const { base, motion } = model;
      const loading = Pipeline.load({ base, motion, device: "cpu", dtype: "fp32", ...options(path) });
      const message = new RegExp(`for ${flag}`);
      await t.rejects(loading, { code: /^ERR_WEIGHTS_/, message }, `${name} as ${other}`);
    }
  }
});

t.test("a folder in the wrong place is told its right one", async (t) => {
  const { base, motion } = model as { base: string; motion: string };
  const computing = { device: "cpu", dtype: "fp32" } as const;
  const wrong: [LoadOptions, RegExp][] = [
    [{ base: motion }, /is a MotionAdapter \(it goes with --motion\)/],
    [{ base, motion: base }, /is a diffusers pipeline .* it goes with --base\)/],
    [{ base, vae: motion }, /is a MotionAdapter \(it goes with --motion\); the VAE was expected/],
    [{ base, motion, subject: base }, /is a diffusers pipeline .*; a weight file was expected/],
    [{ base, motion, lora: [motion] }, /is a MotionAdapter \(it goes with --motion\); a weight file/],
  ];
  for (const [options, message] of wrong) {
    await t.rejects(Pipeline.load({ ...computing, ...options }), { code: "ERR_WEIGHTS_FORMAT", message });
  }
});
