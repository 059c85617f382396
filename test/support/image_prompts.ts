import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import { drawWeight, type Tensors } from "./tensors.js";

/** What a small adapter's image encoder has. */
const encoder = {
  architectures: ["CLIPVisionModelWithProjection"],
  hidden_act: "gelu",
  hidden_size: 8,
  image_size: 12,
  intermediate_size: 12,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  patch_size: 6,
  projection_dim: 10,
};

export type AdapterKind = "plain" | "plus" | "full";

type Shapes = Record<string, number[]>;

const linear = (name: string, out: number, inputs: number): Shapes => ({
  [`${name}.weight`]: [out, inputs],
  [`${name}.bias`]: [out],
});
const norm = (name: string, size: number): Shapes => ({
  [`${name}.weight`]: [size],
  [`${name}.bias`]: [size],
});

function encoderShapes(): Shapes {
  const { hidden_size: C, intermediate_size: inner, patch_size: patch, projection_dim: out } = encoder;
  const shapes: Shapes = {
    "embeddings.class_embedding": [C],
    "embeddings.patch_embedding.weight": [C, 3, patch, patch],
    "embeddings.position_embedding.weight": [1 + (encoder.image_size / patch) ** 2, C],
    ...norm("pre_layrnorm", C),
    ...norm("post_layernorm", C),
  };
  for (let i = 0; i < encoder.num_hidden_layers; i++) {
    const layer = `encoder.layers.${i}`;
    Object.assign(shapes, norm(`${layer}.layer_norm1`, C), norm(`${layer}.layer_norm2`, C));
    for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"])
      Object.assign(shapes, linear(`${layer}.self_attn.${part}`, C, C));
    Object.assign(shapes, linear(`${layer}.mlp.fc1`, inner, C), linear(`${layer}.mlp.fc2`, C, inner));
  }
  const all = Object.entries(shapes).map(([name, shape]) => [`vision_model.${name}`, shape]);
  return { ...Object.fromEntries(all), "visual_projection.weight": [out, C] };
}

function projectionShapes(kind: AdapterKind, text: number): Shapes {
  const { hidden_size: C, projection_dim: embeds } = encoder;
  if (kind === "plain") return { ...linear("proj", 4 * text, embeds), ...norm("norm", text) };
  if (kind === "full")
    return { ...linear("proj.0", C, C), ...linear("proj.2", text, C), ...norm("proj.3", text) };
  const hidden = 6;
  const shapes: Shapes = {
    latents: [1, 3, hidden],
    ...linear("proj_in", hidden, C),
    ...linear("proj_out", text, hidden),
    ...norm("norm_out", text),
  };
  for (const layer of ["layers.0", "layers.1"]) {
    Object.assign(shapes, norm(`${layer}.0.norm1`, hidden), norm(`${layer}.0.norm2`, hidden), {
      [`${layer}.0.to_q.weight`]: [64, hidden],
      [`${layer}.0.to_kv.weight`]: [128, hidden],
      [`${layer}.0.to_out.weight`]: [hidden, 64],
      ...norm(`${layer}.1.0`, hidden),
      [`${layer}.1.1.weight`]: [24, hidden],
      [`${layer}.1.3.weight`]: [hidden, 24],
    });
  }
  return shapes;
}

function draw(shapes: Shapes, prefix = ""): Tensors {
  const drawn = Object.entries(shapes).map(([name, shape]) => [prefix + name, drawWeight(name, shape, 9)]);
  return Object.fromEntries(drawn);
}

/** The layers of a base's UNet that read the text, as an adapter's files number them: on the way down, up, in the middle. */
export function crossAttentions(base: string): { name: string; channels: number; text: number }[] {
  const unet = readSafetensors(join(base, "unet", "diffusion_pytorch_model.safetensors"));
  const places = ["down_blocks", "up_blocks", "mid_block"];
  const keys = Object.keys(unet).filter((name) => name.endsWith(".attn2.to_k.weight"));
  const placeOf = (name: string) => places.findIndex((place) => name.startsWith(place));
  keys.sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1));
  return keys.map((key) => {
    const [channels = 0, text = 0] = unet[key]?.shape ?? [];
    return { name: key.replace(".to_k.weight", ""), channels, text };
  });
}

/** The tensors of a small adapter for a base, as its authors name them. */
export function adapterTensors(kind: AdapterKind, base: string): Tensors {
  const layers = crossAttentions(base);
  const keys = layers.flatMap(({ channels, text }, i) =>
    ["to_k_ip", "to_v_ip"].map((part) => [`ip_adapter.${2 * i + 1}.${part}.weight`, [channels, text]]),
  );
  return {
    ...draw(projectionShapes(kind, layers[0]?.text ?? 0), "image_proj."),
    ...draw(Object.fromEntries(keys)),
  };
}

/** Writes a small adapter as it is published: `ip-adapter-KIND.safetensors`, and `image_encoder` beside it. */
export function writeAdapter(folder: string, kind: AdapterKind, base: string): string {
  mkdirSync(join(folder, "image_encoder"), { recursive: true });
  writeFileSync(join(folder, "image_encoder", "config.json"), JSON.stringify(encoder));
  writeSafetensors(join(folder, "image_encoder", "model.safetensors"), draw(encoderShapes()));
  const file = join(folder, `ip-adapter-${kind}.safetensors`);
  writeSafetensors(file, adapterTensors(kind, base));
  return file;
}
