import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import type { Outlines } from "./sparse_files.js";
import type { Tensor, Tensors } from "./tensors.js";
import { released, releasedText, releasedVaeName, renamed } from "./wan_model.js";

const transformerNames: [RegExp, string][] = [
  [/^condition_embedder\.image_embedder\.norm1\./, "img_emb.proj.0."],
  [/^condition_embedder\.image_embedder\.ff\.net\.0\.proj\./, "img_emb.proj.1."],
  [/^condition_embedder\.image_embedder\.ff\.net\.2\./, "img_emb.proj.3."],
  [/^condition_embedder\.image_embedder\.norm2\./, "img_emb.proj.4."],
  [/^condition_embedder\.image_embedder\.pos_embed$/, "img_emb.emb_pos"],
  ...released,
  [/\.add_([kv])_proj\./, ".$1_img."],
  [/\.norm_added_k\./, ".norm_k_img."],
  [/\.proj_in\./, ".before_proj."],
  [/\.proj_out\./, ".after_proj."],
];

const visionNames: [RegExp, string][] = [
  [/^(?:vision_model\.)?embeddings\.patch_embedding\./, "visual.patch_embedding."],
  [/^(?:vision_model\.)?embeddings\.class_embedding$/, "visual.cls_embedding"],
  [/^(?:vision_model\.)?embeddings\.position_embedding\.weight$/, "visual.pos_embedding"],
  [/^(?:vision_model\.)?pre_layrnorm\./, "visual.pre_norm."],
  [/^(?:vision_model\.)?post_layernorm\./, "visual.post_norm."],
  [/^(?:vision_model\.)?encoder\.layers\./, "visual.transformer."],
  [/\.layer_norm([12])\./, ".norm$1."],
  [/\.self_attn\.out_proj\./, ".attn.proj."],
  [/\.self_attn\.q_proj\./, ".attn.to_qkv."],
  [/\.mlp\.fc1\./, ".mlp.0."],
  [/\.mlp\.fc2\./, ".mlp.2."],
];

/** Names and shapes of what Wan's authors publish, of those that diffusers' folder has. */
export function releasedOutlines(outlines: Outlines, network: string): Outlines {
  if (network === "transformer") return renamed(outlines, transformerNames);
  if (network === "text_encoder") return renamed(outlines, releasedText);
  if (network === "vae") {
    const named = Object.entries(outlines).map(([name, shape]) => [releasedVaeName(name, 2), shape] as const);
    return Object.fromEntries(named);
  }
  const joined: Outlines = {};
  for (const [name, outline] of Object.entries(outlines)) {
    if (/\.[kv]_proj\./.test(name)) continue;
    const [rows = 0, ...others] = outline as number[];
    joined[name] = [...frontAxes(name), name.includes(".q_proj.") ? 3 * rows : rows, ...others];
  }
  return { ...renamed(joined, visionNames), "visual.head": [1280, 1024] };
}

/** Axes of size 1 before what has none in diffusers' folder. */
const frontAxes = (name: string) =>
  name.endsWith("class_embedding") ? [1, 1] : name.includes("position_embedding") ? [1] : [];

/** With queries, keys and values in one, and axes of size 1 before what has none. */
function visionTensors(tensors: Tensors): Tensors {
  const joined: Tensors = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    if (/\.[kv]_proj\./.test(name)) continue;
    const parts = name.includes(".q_proj.")
      ? ["q", "k", "v"].map((part) => tensors[name.replace(".q_proj.", `.${part}_proj.`)] as Tensor)
      : [tensor];
    const [rows = 0, ...others] = tensor.shape;
    const shape = [parts.length * rows, ...others];
    joined[name] = {
      shape: [...frontAxes(name), ...shape],
      data: Float32Array.from(parts.flatMap(({ data }) => Array.from(data, Number))),
    };
  }
  return renamed(joined, visionNames);
}

/** Writes a small model of diffusers' layout as Wan's authors publish theirs, but for the VAE. Returns its folder. */
export function writeReleased(base: string, folder: string, config: object): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "google"), { recursive: true });
  const read = (file: string) => readSafetensors(join(base, file));
  const transformer = read("transformer/diffusion_pytorch_model.safetensors");
  const { num_attention_heads: num_heads } = JSON.parse(
    readFileSync(join(base, "transformer/config.json"), "utf8"),
  );
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, num_heads }));
  writeSafetensors(
    join(folder, "diffusion_pytorch_model.safetensors"),
    renamed(transformer, transformerNames),
  );
  const text = renamed(read("text_encoder/model.safetensors"), releasedText);
  writeSafetensors(join(folder, "models_t5_umt5-xxl-enc-bf16.safetensors"), text);
  if (Object.keys(transformer).some((name) => name.includes("image_embedder"))) {
    const vision = visionTensors(read("image_encoder/model.safetensors"));
    const width = vision["visual.pre_norm.bias"]?.shape[0] ?? 0;
    const head = { shape: [width, 2], data: new Float32Array(2 * width) };
    const file = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.safetensors";
    writeSafetensors(join(folder, file), { ...vision, "visual.head": head });
  }
  cpSync(join(base, "tokenizer"), join(folder, "google/umt5-xxl"), { recursive: true });
  return folder;
}
