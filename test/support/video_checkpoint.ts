import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import type { Tensor, Tensors } from "./tensors.js";

type Rename = readonly [from: RegExp, to: string | ((...parts: string[]) => string)];

/** By the first that matches, again and again from where it stood. */
function renamed(name: string, renames: readonly Rename[]): string {
  return renames.reduce((text, [from, to]) => text.replace(from, to as string), name);
}

const resnet: readonly Rename[] = [
  [/\bnorm1\./, "in_layers.0."],
  [/\bconv1\./, "in_layers.2."],
  [/\btime_emb_proj\./, "emb_layers.1."],
  [/\bnorm2\./, "out_layers.0."],
  [/\bconv2\./, "out_layers.3."],
  [/\bconv_shortcut\./, "skip_connection."],
];

const resnetName = (name: string) =>
  renamed(name.replace("spatial_res_block.", "").replace("temporal_res_block.", "time_stack."), resnet);

/** A UNet's, of so many layers a block; `attending` are its blocks on the way up that have attention. */
export function ldmUNetName(name: string, layers: number, attending: readonly boolean[]): string {
  const at = (block: string, layer = "0") => Number(block) * (layers + 1) + Number(layer);
  const place = renamed(name, [
    [/^conv_in\./, "input_blocks.0.0."],
    [/^conv_norm_out\./, "out.0."],
    [/^conv_out\./, "out.2."],
    [/^time_embedding\.linear_(\d)\./, (_, n) => `time_embed.${2 * Number(n) - 2}.`],
    [/^add_embedding\.linear_(\d)\./, (_, n) => `label_emb.0.${2 * Number(n) - 2}.`],
    [
      /^down_blocks\.(\d)\.resnets\.(\d)\./,
      (_, block, layer) => `input_blocks.${1 + at(block as string, layer)}.0.`,
    ],
    [
      /^down_blocks\.(\d)\.attentions\.(\d)\./,
      (_, block, layer) => `input_blocks.${1 + at(block as string, layer)}.1.`,
    ],
    [
      /^down_blocks\.(\d)\.downsamplers\.0\.conv\./,
      (_, block) => `input_blocks.${at(block as string) + layers + 1}.0.op.`,
    ],
    [/^mid_block\.resnets\.(\d)\./, (_, n) => `middle_block.${2 * Number(n)}.`],
    [/^mid_block\.attentions\.0\./, "middle_block.1."],
    [
      /^up_blocks\.(\d)\.resnets\.(\d)\./,
      (_, block, layer) => `output_blocks.${at(block as string, layer)}.0.`,
    ],
    [
      /^up_blocks\.(\d)\.attentions\.(\d)\./,
      (_, block, layer) => `output_blocks.${at(block as string, layer)}.1.`,
    ],
    [
      /^up_blocks\.(\d)\.upsamplers\.0\.conv\./,
      (_, block) => `output_blocks.${at(block as string) + layers}.${attending[Number(block)] ? 2 : 1}.conv.`,
    ],
    [/\.temporal_transformer_blocks\./, ".time_stack."],
    [/\.time_pos_embed\.linear_(\d)\./, (_, n) => `.time_pos_embed.${2 * Number(n) - 2}.`],
  ]);
  return /resnets\./.test(name) ? resnetName(place) : place;
}

/** A VAE's, of so many blocks. */
export function ldmVaeName(name: string, blocks: number): string {
  const place = renamed(name, [
    [/^decoder\.time_conv_out\./, "decoder.conv_out.time_mix_conv."],
    [/conv_norm_out\./, "norm_out."],
    [/\.down_blocks\.(\d)\.resnets\.(\d)\./, ".down.$1.block.$2."],
    [/\.down_blocks\.(\d)\.downsamplers\.0\./, ".down.$1.downsample."],
    [/\.up_blocks\.(\d)\./, (_, block) => `.up.${blocks - 1 - Number(block)}.`],
    [/\.resnets\.(\d)\./, ".block.$1."],
    [/\.upsamplers\.0\./, ".upsample."],
    [/\.mid_block\.block\.(\d)\./, (_, n) => `.mid.block_${Number(n) + 1}.`],
    [/\.mid_block\.attentions\.0\./, ".mid.attn_1."],
    [/\.group_norm\./, ".norm."],
    [/\.to_out\.0\./, ".proj_out."],
    [/\.to_([qkv])\./, ".$1."],
    [/\.time_mixer\./, "."],
  ]);
  if (name.includes("temporal_res_block.")) return resnetName(place);
  return place.replace("spatial_res_block.", "").replace("conv_shortcut.", "nin_shortcut.");
}

const transposed = ({ shape: [rows = 0, columns = 0], data }: Tensor): Tensor => ({
  shape: [columns, rows],
  data: Float32Array.from(
    { length: rows * columns },
    (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] as number,
  ),
});

function visionTensors(tensors: Tensors): Tensors {
  const result: Tensors = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    if (/\.[kv]_proj\./.test(name)) continue;
    const place = renamed(name, [
      [/^visual_projection\.weight$/, "proj"],
      [/^vision_model\.embeddings\.class_embedding$/, "class_embedding"],
      [/^vision_model\.embeddings\.position_embedding\.weight$/, "positional_embedding"],
      [/^vision_model\.embeddings\.patch_embedding\./, "conv1."],
      [/^vision_model\.pre_layrnorm\./, "ln_pre."],
      [/^vision_model\.post_layernorm\./, "ln_post."],
      [/^vision_model\.encoder\.layers\./, "transformer.resblocks."],
      [/\.layer_norm(\d)\./, ".ln_$1."],
      [/\.self_attn\.q_proj\./, ".attn.in_proj_"],
      [/\.self_attn\./, ".attn."],
      [/\.mlp\.fc1\./, ".mlp.c_fc."],
      [/\.mlp\.fc2\./, ".mlp.c_proj."],
    ]);
    const parts = ["q", "k", "v"].map(
      (part) => tensors[name.replace(".q_proj.", `.${part}_proj.`)] as Tensor,
    );
    const joined = {
      shape: [3 * (tensor.shape[0] ?? 0), ...tensor.shape.slice(1)],
      data: Float32Array.from(parts.flatMap(({ data }) => Array.from(data, Number))),
    };
    result[place] = place === "proj" ? transposed(tensor) : place.includes("in_proj_") ? joined : tensor;
  }
  return result;
}

const start = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));

/** Writes a folder of Stable Video Diffusion as its authors' one file, whose VAE for pictures is a part of the conditioner. */
export function writeVideoCheckpoint(
  base: string,
  path: string,
  layers: number,
  attending: readonly boolean[],
): void {
  const read = (part: string, file: string) => readSafetensors(join(base, part, file)) as Tensors;
  const all = (tensors: Tensors, name: (name: string) => string) =>
    Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [name(key), tensor]));
  const vae = all(read("vae", "diffusion_pytorch_model.safetensors"), (name) => ldmVaeName(name, 2));
  const isEncoders = ([name]: [string, Tensor]) => !name.startsWith("decoder.");
  const unet = all(read("unet", "diffusion_pytorch_model.safetensors"), (name) =>
    ldmUNetName(name, layers, attending),
  );
  const entries = Object.entries(vae) as [string, Tensor][];
  mkdirSync(dirname(path), { recursive: true });
  writeSafetensors(path, {
    ...start("model.diffusion_model.", unet),
    ...start("first_stage_model.", Object.fromEntries(entries.filter((entry) => !isEncoders(entry)))),
    ...start("conditioner.embedders.3.encoder.", Object.fromEntries(entries.filter(isEncoders))),
    ...start(
      "conditioner.embedders.0.open_clip.model.visual.",
      visionTensors(read("image_encoder", "model.safetensors")),
    ),
  });
}
