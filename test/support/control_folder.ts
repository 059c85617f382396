import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeSafetensors } from "./safetensors.js";
import { drawWeights, type Tensors, type WeightTree } from "./tensors.js";

interface Part {
  config: Record<string, unknown>;
  weights: WeightTree;
}

const readPart = (name: string) =>
  JSON.parse(readFileSync(`test/fixtures/pipeline/parts/${name}.json`, "utf8")) as Part;

export type ControlKind = "controlnet" | "sparse-latents" | "sparse-pixels";

const convolution = (out: number, input: number, kernel = 3) => ({
  weight: [out, input, kernel, kernel],
  bias: [out],
});

/** Convolutions from pixels to the outermost features. */
function embedding(input: number, channels: readonly number[], out: number): WeightTree {
  const blocks = channels
    .slice(1)
    .flatMap((next, i) => [channels[i] as number, next].map((to) => convolution(to, channels[i] as number)));
  return {
    conv_in: convolution(channels[0] as number, input),
    blocks: Object.fromEntries(blocks.map((block, i) => [String(i), block])),
    conv_out: convolution(out, channels.at(-1) as number),
  };
}

/** SparseCtrl's motion modules: those of the adapter, with one attention. */
function withSparseMotion(down: WeightTree): WeightTree {
  const motion = structuredClone(readPart("motion").weights.down_blocks) as Record<string, WeightTree>;
  const blocks = Object.entries(down).map(([i, block]) => {
    const { motion_modules: modules } = motion[i] as { motion_modules: Record<string, WeightTree> };
    for (const { transformer_blocks } of Object.values(modules) as { transformer_blocks: WeightTree }[]) {
      for (const each of Object.values(transformer_blocks) as WeightTree[]) {
        delete each.attn2;
        delete each.norm2;
      }
    }
    return [i, { ...(block as WeightTree), motion_modules: modules }];
  });
  return Object.fromEntries(blocks);
}

/** A ControlNet's or SparseCtrl's config and weights, for the small model's UNet. */
export function drawControl(
  kind: ControlKind,
  seed = 3,
): { config: Record<string, unknown>; weights: Tensors } {
  const { config: unet, weights } = readPart("unet");
  const channels = unet.block_out_channels as number[];
  const [outermost = 0] = channels;
  const isSparse = kind !== "controlnet";
  const pixels = [3, 4, 5, 6];
  const down = weights.down_blocks as WeightTree;
  const skips = [outermost, ...channels.flatMap((n, i) => (i + 1 < channels.length ? [n, n] : [n]))];
  const tree: WeightTree = {
    ...{ conv_in: weights.conv_in as WeightTree, time_embedding: weights.time_embedding as WeightTree },
    ...{ mid_block: weights.mid_block as WeightTree, down_blocks: isSparse ? withSparseMotion(down) : down },
    controlnet_cond_embedding:
      kind === "sparse-latents" ? convolution(outermost, 5) : embedding(isSparse ? 4 : 3, pixels, outermost),
    controlnet_down_blocks: Object.fromEntries(skips.map((n, i) => [String(i), convolution(n, n, 1)])),
    controlnet_mid_block: convolution(channels.at(-1) as number, channels.at(-1) as number, 1),
  };
  const common = ["block_out_channels", "layers_per_block", "norm_num_groups", "cross_attention_dim"];
  const config = {
    _class_name: isSparse ? "SparseControlNetModel" : "ControlNetModel",
    ...Object.fromEntries(common.map((name) => [name, unet[name]])),
    attention_head_dim: unet.attention_head_dim,
    down_block_types: (unet.down_block_types as string[]).map((type) =>
      isSparse ? type.replace("2D", "Motion") : type,
    ),
    conditioning_embedding_out_channels: pixels,
    ...(isSparse && {
      motion_num_attention_heads: 2,
      motion_max_seq_length: 16,
      use_simplified_condition_embedding: kind === "sparse-latents",
      conditioning_channels: kind === "sparse-latents" ? 4 : 3,
    }),
  };
  return { config, weights: drawWeights(tree, seed) };
}

/** Writes one as diffusers does. */
export function writeControl(folder: string, kind: ControlKind, seed?: number): string {
  const { config, weights } = drawControl(kind, seed);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), weights);
  return folder;
}
