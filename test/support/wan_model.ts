import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { fixtures } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { type T5Model, type T5Network, writeT5Model } from "./t5_model_folder.js";
import { drawInput, drawWeights, type Tensor, type Tensors } from "./tensors.js";

interface WanCase extends T5Model {
  request: SampleRequest & { width: number; height: number };
}

export const readWanCase = () => readCaseFile<WanCase>(join(fixtures, "wan"));

/** The film of test/fixtures/wan, of which diffusers made the expected one. */
export const wanRequest = () => readWanCase().request;

const classes: Record<T5Network, object> = {
  transformer: { _class_name: "WanTransformer3DModel" },
  vae: { _class_name: "AutoencoderKLWan" },
  text_encoder: { architectures: ["UMT5EncoderModel"] },
};

/**
 * Writes a small Wan model into build/fixtures, in diffusers' layout. `changes` are laid over its transformer's config; `edit` may
 * change that one's weights.
 */
export function writeWan(name: string, changes: object = {}, edit = (_: Tensors): void => {}): string {
  return writeT5Model(name, readWanCase(), { pipeline: "WanPipeline", classes, changes, edit });
}

/** The names of Wan's authors for those of diffusers, in this order on each name. */
export const released: [RegExp, string][] = [
  [/^condition_embedder\.(time|text)_embedder\.linear_1/, "$1_embedding.0"],
  [/^condition_embedder\.(time|text)_embedder\.linear_2/, "$1_embedding.2"],
  [/^condition_embedder\.time_proj/, "time_projection.1"],
  [/^scale_shift_table/, "head.modulation"],
  [/^proj_out/, "head.head"],
  [/scale_shift_table/, "modulation"],
  [/attn1/, "self_attn"],
  [/attn2/, "cross_attn"],
  [/\.to_out\.0/, ".o"],
  [/\.to_([qkv])\./, ".$1."],
  [/\.norm2/, ".norm3"],
  [/ffn\.net\.0\.proj/, "ffn.0"],
  [/ffn\.net\.2/, "ffn.2"],
];
export const releasedText: [RegExp, string][] = [
  [/^shared/, "token_embedding"],
  [/^encoder\.final_layer_norm/, "norm"],
  [/^encoder\.block/, "blocks"],
  [/layer\.0\.SelfAttention\.relative_attention_bias/, "pos_embedding.embedding"],
  [/layer\.0\.SelfAttention/, "attn"],
  [/layer\.0\.layer_norm/, "norm1"],
  [/layer\.1\.layer_norm/, "norm2"],
  [/layer\.1\.DenseReluDense\.wi_0/, "ffn.gate.0"],
  [/layer\.1\.DenseReluDense\.wi_1/, "ffn.fc1"],
  [/layer\.1\.DenseReluDense\.wo/, "ffn.fc2"],
];

/** The released code's name of what diffusers calls this, with so many layers in a block of the encoder. */
export function releasedVaeName(name: string, layers: number): string {
  return name
    .replace(/^quant_conv/, "conv1")
    .replace(/^post_quant_conv/, "conv2")
    .replace(/up_blocks\.(\d+)\.resnets\.(\d+)/, (_, block, layer) => numbered(block, Number(layer)))
    .replace(/up_blocks\.(\d+)\.upsamplers\.0/, (_, block) => numbered(block, layers + 1))
    .replace("down_blocks", "downsamples")
    .replace(/mid_block\.resnets\.(\d)/, (_, layer) => `middle.${2 * layer}`)
    .replace("mid_block.attentions.0", "middle.1")
    .replace(/(?<=\.\d+\.)(norm1|conv1|norm2|conv2)(?=\.)/, (part) => vaeParts[part] ?? part)
    .replace("conv_shortcut", "shortcut")
    .replace("conv_in", "conv1")
    .replace("norm_out", "head.0")
    .replace("conv_out", "head.2");

  function numbered(block: string, layer: number): string {
    return `upsamples.${Number(block) * (layers + 2) + layer}`;
  }
}

const vaeParts: Record<string, string> = {
  norm1: "residual.0",
  conv1: "residual.2",
  norm2: "residual.3",
  conv2: "residual.6",
};

export const renamed = <T>(tensors: Record<string, T>, names: [RegExp, string][]): Record<string, T> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      names.reduce((changed, [from, to]) => changed.replace(from, to), name),
      tensor,
    ]),
  );

/** The same model in its authors' layout, and a transformer as Phantom's, of other weights. */
export function writeReleasedWan(name: string): { base: string; phantom: string } {
  const source = writeWan(`${name}-diffusers`);
  const base = join("build/fixtures", name);
  rmSync(base, { recursive: true, force: true });
  mkdirSync(join(base, "google"), { recursive: true });
  const { networks } = readWanCase();
  const { config, weights, seed } = networks.transformer;
  const write = (file: string, tensors: Tensors) => writeSafetensors(join(base, file), tensors);
  write("diffusion_pytorch_model.safetensors", renamed(drawWeights(weights, seed), released));
  write(
    "models_t5_umt5-xxl-enc-bf16.pth",
    renamed(drawWeights(networks.text_encoder.weights, networks.text_encoder.seed), releasedText),
  );
  const vae = Object.entries(drawWeights(networks.vae.weights, networks.vae.seed));
  write(
    "Wan2.1_VAE.pth",
    Object.fromEntries(vae.map(([name, tensor]) => [releasedVaeName(name, 1), tensor])),
  );
  cpSync(join(source, "tokenizer"), join(base, "google/umt5-xxl"), { recursive: true });
  const heads = { num_heads: config.num_attention_heads, eps: 1e-6 };
  writeFileSync(
    join(base, "config.json"),
    JSON.stringify({ _class_name: "WanModel", model_type: "t2v", ...heads }),
  );
  const phantom = join("build/fixtures", `${name}-phantom.pth`);
  writeSafetensors(phantom, renamed(drawWeights(weights, seed + 100), released));
  return { base, phantom };
}

/** A LoRA for these modules, which have `dim` channels on both sides, as ComfyUI names them. */
export function wanLora(modules: string[], dim = 24): Tensors {
  const tensors = modules.flatMap((module): [string, Tensor][] => [
    [`diffusion_model.${module}.lora_down.weight`, drawInput(`${module} down`, { shape: [2, dim] }, 5)],
    [`diffusion_model.${module}.lora_up.weight`, drawInput(`${module} up`, { shape: [dim, 2] }, 5)],
  ]);
  return Object.fromEntries(tensors);
}
