import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import {
  decoderOperations,
  encoderOperations,
  type MotionShape,
  type UNetShape,
  unetOperations,
  type VaeShape,
} from "#ts/operations.js";
import { readSafetensors } from "../support/safetensors.js";
import { writeSmallModel } from "../support/small_model.js";
import type { Tensors } from "../support/tensors.js";

const { base, motion = "" } = writeSmallModel("operations");
const file = "diffusion_pytorch_model.safetensors";
const config = <T>(folder: string) => JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as T;
const unet = config<UNetShape>(join(base, "unet"));
const vae = config<VaeShape>(join(base, "vae"));
const adapter = config<MotionShape>(motion);
/** UNet levels of the small model. */
const lowest = 2;

/** Twice every weight times how often it is applied, apart by whether it is a convolution's. */
function byWeights(tensors: Tensors, timesApplied: (name: string) => number) {
  const sums = { convolutions: 0, products: 0 };
  for (const [name, { shape }] of Object.entries(tensors)) {
    if (shape.length < 2 || name.endsWith("pe")) continue;
    const kind = /conv/.test(name) ? "convolutions" : "products";
    sums[kind] += 2 * shape.reduce((a, b) => a * b, 1) * timesApplied(name);
  }
  return sums;
}

/** How far down a layer of the UNet is; resampling has the level that it leads to. */
function levelOf(name: string): number {
  if (/^mid_block/.test(name)) return lowest;
  const [, way, block] = /^(down|up)_blocks\.(\d)/.exec(name) ?? [];
  if (way === undefined) return 0;
  const level = way === "down" ? Number(block) : lowest - Number(block);
  if (name.includes("downsamplers")) return level + 1;
  return name.includes("upsamplers") ? level - 1 : level;
}

test("a UNet's convolutions and products are what its weights are applied to", (t) => {
  const networks: [string, MotionShape | undefined, Tensors][] = [
    ["without motion", undefined, readSafetensors(join(base, "unet", file))],
    [
      "with motion",
      adapter,
      { ...readSafetensors(join(base, "unet", file)), ...readSafetensors(join(motion, file)) },
    ],
  ];
  for (const [name, modules, tensors] of networks) {
    for (const [frames, references] of [
      [1, 0],
      [5, 2],
    ] as const) {
      const input = { frames, references, width: 12, height: 20, textTokens: 9 };
      const expected = byWeights(tensors, (weight) => {
        if (/time_emb/.test(weight)) return 1;
        if (/attn2\.to_[kv]/.test(weight) && !/motion/.test(weight)) return input.textTokens;
        return ((frames + references) * 12 * 20) / 4 ** levelOf(weight);
      });
      t.match(unetOperations(unet, modules, input), expected, `${name}, ${frames} + ${references} images`);
    }
  }
  t.end();
});

test("attention with references is merged, and that along time goes over all images", (t) => {
  const [frames, n] = [6, 8 * 8];
  const input = { frames, references: 1, width: 8, height: 8, textTokens: 0 };
  const squares = 3 * 8 * n ** 2 + 3 * 16 * (n / 4) ** 2 + 16 * (n / 16) ** 2;
  const spatial = 4 * (3 * frames + 1) * squares;
  t.equal(unetOperations(unet, undefined, input).attention, spatial);
  const layers = 3 * 8 * n + 3 * 16 * (n / 4) + 3 * 16 * (n / 16);
  t.equal(unetOperations(unet, adapter, input).attention - spatial, 4 * 2 * (frames + 1) ** 2 * layers);
  const more = unetOperations(unet, undefined, { ...input, references: 3 });
  t.equal(more.attention, 4 * (7 * frames + 9) * squares);
  t.end();
});

test("a VAE's operations are what its weights are applied to", (t) => {
  const tensors = readSafetensors(join(base, "vae", file));
  const half = (name: RegExp) =>
    Object.fromEntries(Object.entries(tensors).filter(([weight]) => name.test(weight)));
  const latents = { width: 6, height: 4 };
  const pixels = { width: 48, height: 32 };
  const area = ({ width, height }: typeof latents) => width * height;
  const block = (weight: string) => Number(/_blocks\.(\d)/.exec(weight)?.[1]);

  const decoded = decoderOperations(vae, latents);
  const decoding = byWeights(half(/^(decoder|post_quant)/), (weight) => {
    if (/conv_out/.test(weight)) return area(pixels);
    if (!/up_blocks/.test(weight)) return area(latents);
    return area(latents) * 4 ** (block(weight) + (/upsamplers/.test(weight) ? 1 : 0));
  });
  t.match(decoded, decoding);

  const encoded = encoderOperations(vae, pixels);
  const encoding = byWeights(half(/^(encoder|quant)/), (weight) => {
    if (/encoder\.conv_in/.test(weight)) return area(pixels);
    if (!/down_blocks/.test(weight)) return area(latents);
    return area(pixels) / 4 ** (block(weight) + (/downsamplers/.test(weight) ? 1 : 0));
  });
  t.match(encoded, encoding);
  for (const { attention } of [decoded, encoded]) t.equal(attention, 4 * area(latents) ** 2 * 8);
  t.end();
});
