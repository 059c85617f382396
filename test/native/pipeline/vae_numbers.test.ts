import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import { largestDifference } from "../../support/low_rank.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";

/** An image model whose VAE has one of its tensors changed, value by value, and these fields in its config. */
function withVae(
  name: string,
  tensor: string,
  change: (value: number) => number,
  fields: object = {},
): string {
  const { base } = writeSmallModel(`vae-${name}`);
  const folder = join(base, "vae");
  const weights = join(folder, "diffusion_pytorch_model.safetensors");
  const tensors = readSafetensors(weights);
  const changed = tensors[tensor];
  if (changed === undefined) throw new Error(`the VAE has no ${tensor}`);
  changed.data = Float32Array.from(changed.data, change);
  writeSafetensors(weights, tensors);
  const config = join(folder, "config.json");
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), ...fields }));
  return base;
}

async function sample(base: string, dtype: "fp32" | "fp16" | "bf16", vaeTiling = false): Promise<Uint8Array> {
  await using pipe = await Pipeline.load({ base, device: "cpu", dtype });
  return (await pipe.sample({ prompt: "a cat", steps: 1, width: 32, height: 32, seed: 3, vaeTiling })).frames;
}

t.test("what the decoder makes of finite latents is an error where it is not finite", async (t) => {
  const base = withVae("nan", "decoder.conv_out.bias", (value) => (value > 0 ? Number.NaN : value));
  const message = /^the model's result is not finite: get its weights again/;
  for (const tiling of [false, true]) {
    await t.rejects(sample(base, "fp32", tiling), { code: "ERR_WEIGHTS_FORMAT", message });
  }
});

/** Beyond what fp16 holds, once they are multiplied with latents; the norms after them take the scale away. */
const beyond = ["decoder.conv_in.weight", (value: number) => value * 3e5] as const;

t.test("a VAE computes in fp32 where fp16 is too small for it", async (t) => {
  for (const fields of [{}, { force_upcast: true }]) {
    const base = withVae("upcast", ...beyond, fields);
    const [half, whole] = [await sample(base, "fp16"), await sample(base, "fp32")];
    t.ok(largestDifference(half, whole) <= 8, `${largestDifference(half, whole)} of 255 from fp32`);
  }
});

t.test("and in fp16 where its config says that it can", async (t) => {
  const message = /^the model's result is not finite: load it with dtype bf16 or fp32/;
  const base = withVae("no-upcast", ...beyond, { force_upcast: false });
  await t.rejects(sample(base, "fp16"), { code: "ERR_WEIGHTS_FORMAT", message });
  t.ok((await sample(base, "bf16")).length > 0, "bf16 holds it");
});
