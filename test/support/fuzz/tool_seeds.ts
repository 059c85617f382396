import {
  makeRandom,
  pickle,
  safetensors,
  stateDict,
  tensor,
  text,
  torchLegacy,
  torchZip,
  twoFloats,
} from "./build.js";
import type { Cases } from "./corpus.js";

/** Small files in the names of the tools that write LoRAs, words and checkpoints. */

type Shapes = Record<string, readonly number[]>;

const attention = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
const kernel = "mid_block.resnets.0.conv1";
const ofText = "text_model.encoder.layers.0.self_attn.q_proj";
const flat = (name: string) => name.replaceAll(".", "_");

function kohyaLora(): Shapes {
  const matrix = (layer: string): Shapes => ({
    [`${layer}.lora_down.weight`]: [2, 8],
    [`${layer}.lora_up.weight`]: [8, 2],
    [`${layer}.alpha`]: [],
  });
  const convolution = `lora_unet_${flat(kernel)}`;
  return {
    ...matrix(`lora_unet_${flat(attention)}`),
    ...matrix(`lora_te_${flat(ofText)}`),
    [`${convolution}.lora_down.weight`]: [2, 8, 1, 1],
    [`${convolution}.lora_mid.weight`]: [2, 2, 3, 3],
    [`${convolution}.lora_up.weight`]: [8, 2, 1, 1],
  };
}

function pair(down: string, up: string): Shapes {
  return { [down]: [2, 8], [up]: [8, 2] };
}

const peftLora: Shapes = {
  ...pair(`unet.${attention}.lora_A.weight`, `unet.${attention}.lora_B.weight`),
  ...pair(`text_encoder.${ofText}.lora_A.weight`, `text_encoder.${ofText}.lora_B.weight`),
  [`unet.${kernel}.lora_A.weight`]: [2, 8, 3, 3],
  [`unet.${kernel}.lora_B.weight`]: [8, 2, 1, 1],
};
const peftConfig = {
  "unet.r": 2,
  "unet.lora_alpha": 4,
  "unet.alpha_pattern": { [attention]: 1 },
  "unet.rank_pattern": { "resnets.*conv1": 2 },
  "unet.use_rslora": true,
  "text_encoder.r": 2,
  "text_encoder.lora_alpha": 2,
};

const processor = attention.replace(".to_q", ".processor.to_q_lora");
const oldLora: Shapes = {
  ...pair(`unet.${processor}.down.weight`, `unet.${processor}.up.weight`),
  [`unet.${kernel}.lora.down.weight`]: [2, 8, 3, 3],
  [`unet.${kernel}.lora.up.weight`]: [8, 2, 1, 1],
  ...pair(
    `text_encoder.${ofText}.lora_linear_layer.down.weight`,
    `text_encoder.${ofText}.lora_linear_layer.up.weight`,
  ),
};

const motionBlock = "down_blocks.0.motion_modules.0.temporal_transformer";
const transformer = `${motionBlock}.transformer_blocks.0`;
const motionLora: Shapes = pair(
  `module.${transformer}.attention_blocks.0.processor.to_q_lora.down.weight`,
  `module.${transformer}.attention_blocks.0.processor.to_q_lora.up.weight`,
);

/** As AnimateDiff's own checkpoints name a motion module. */
const motionModule: Shapes = {
  [`${motionBlock}.norm.weight`]: [32],
  [`${motionBlock}.norm.bias`]: [32],
  [`${motionBlock}.proj_in.weight`]: [32, 32],
  [`${motionBlock}.proj_out.weight`]: [32, 32],
  [`${transformer}.attention_blocks.0.to_q.weight`]: [32, 32],
  [`${transformer}.attention_blocks.0.to_k.weight`]: [32, 32],
  [`${transformer}.attention_blocks.0.to_out.0.bias`]: [32],
  [`${transformer}.attention_blocks.0.pos_encoder.pe`]: [1, 4, 32],
  [`${transformer}.attention_blocks.1.pos_encoder.pe`]: [1, 4, 32],
  [`${transformer}.norms.0.weight`]: [32],
  [`${transformer}.ff.net.0.proj.weight`]: [256, 32],
  [`${transformer}.ff_norm.weight`]: [32],
};

/** The whole text encoder of a checkpoint, whose twelve heads have a number each. */
function textEncoder(): Shapes {
  const start = "cond_stage_model.transformer.text_model";
  const layer = `${start}.encoder.layers.0`;
  const module = (name: string, ...shape: number[]) => ({
    [`${name}.weight`]: shape,
    [`${name}.bias`]: [shape[0] ?? 0],
  });
  return {
    [`${start}.embeddings.token_embedding.weight`]: [20, 12],
    [`${start}.embeddings.position_embedding.weight`]: [7, 12],
    [`${start}.embeddings.position_ids`]: [1, 7],
    ...Object.assign(
      {},
      ...["q", "k", "v", "out"].map((part) => module(`${layer}.self_attn.${part}_proj`, 12, 12)),
    ),
    ...module(`${layer}.layer_norm1`, 12),
    ...module(`${layer}.layer_norm2`, 12),
    ...module(`${layer}.mlp.fc1`, 24, 12),
    ...module(`${layer}.mlp.fc2`, 12, 24),
    ...module(`${start}.final_layer_norm`, 12),
  };
}

function ofVae(start: string): Shapes {
  return {
    [`${start}encoder.conv_in.weight`]: [32, 3, 3, 3],
    [`${start}encoder.down.0.block.0.conv1.weight`]: [32, 32, 3, 3],
    [`${start}decoder.conv_in.weight`]: [32, 4, 3, 3],
    [`${start}decoder.mid.attn_1.q.weight`]: [32, 32, 1, 1],
    [`${start}decoder.conv_out.weight`]: [3, 32, 3, 3],
    [`${start}quant_conv.weight`]: [8, 8, 1, 1],
  };
}

/** A UNet of one block, and what of it and of the VAE says their sizes. */
const checkpoint: Shapes = {
  "model.diffusion_model.input_blocks.0.0.weight": [32, 4, 3, 3],
  "model.diffusion_model.input_blocks.1.0.in_layers.2.weight": [32, 32, 3, 3],
  "model.diffusion_model.input_blocks.1.1.norm.weight": [32],
  "model.diffusion_model.input_blocks.1.1.proj_in.weight": [32, 32, 1, 1],
  "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [32, 12],
  "model.diffusion_model.middle_block.0.in_layers.0.weight": [32],
  "model.diffusion_model.output_blocks.0.0.in_layers.2.weight": [32, 64, 3, 3],
  "model.diffusion_model.output_blocks.0.1.norm.weight": [32],
  "model.diffusion_model.output_blocks.1.0.in_layers.2.weight": [32, 64, 3, 3],
  "model.diffusion_model.output_blocks.1.1.norm.weight": [32],
  "model.diffusion_model.time_embed.0.weight": [128, 32],
  "model.diffusion_model.out.2.weight": [4, 32, 3, 3],
  ...ofVae("first_stage_model."),
  ...textEncoder(),
  alphas_cumprod: [10],
  model_ema_decay: [],
};

const widths = { F8_E4M3: 1, F16: 2, F32: 4 };

/** Numbers between -2 and 2, by name. */
function drawn(shapes: Shapes, dtype: keyof typeof widths, metadata?: Record<string, string>): Buffer {
  const random = makeRandom(1);
  const header: Record<string, object> = metadata ? { __metadata__: metadata } : {};
  const width = widths[dtype];
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Buffer.alloc(count * width);
    // 0x3c is 1 in fp16 and 1.5 in fp8, in its first byte.
    for (let i = 0; i < count; i++) {
      if (dtype === "F32") data.writeFloatLE(random(2000) / 1000 - 1, 4 * i);
      else data[width * i + width - 1] = random(0x3d) + 0x80 * random(2);
    }
    parts.push(data);
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.length] };
    offset += data.length;
  }
  return safetensors(header, Buffer.concat(parts));
}

export function toolSafetensors(): Cases {
  return {
    "kohya-lora": drawn(kohyaLora(), "F16", { ss_network_dim: "2", ss_base_model_version: "sd_v1" }),
    "peft-lora": drawn(peftLora, "F32", { lora_adapter_metadata: JSON.stringify(peftConfig) }),
    "old-lora": drawn(oldLora, "F32"),
    "motion-lora": drawn(motionLora, "F16"),
    word: drawn({ emb_params: [4, 2] }, "F32"),
  };
}

/** What is known for what it is, and that it is not enough, or too much. */
export function modelParts(): Cases {
  const many = (name: (i: number) => string) =>
    Array.from({ length: 3000 }, (_, i) => [name(i), [1]] as const);
  const endless: Shapes = Object.fromEntries([
    ...many((i) => `encoder.down.${i}.block.0.conv1.weight`),
    ...many((i) => `encoder.down.0.block.${i}.conv1.weight`),
  ]);
  return {
    "motion-module": drawn(motionModule, "F32"),
    checkpoint: drawn(checkpoint, "F8_E4M3", { format: "pt" }),
    "word-of-two-encoders": drawn({ clip_l: [2, 2], clip_g: [2, 4] }, "F32"),
    "word-of-9-vectors": drawn({ emb_params: [9, 2] }, "F32"),
    vae: drawn(ofVae(""), "F16"),
    "vae-of-3000-blocks": drawn({ ...ofVae(""), ...endless }, "F16"),
  };
}

const entry = (name: string, value: Buffer) => Buffer.concat([text(name), value]);
const dictionary = (...entries: Buffer[]) => Buffer.concat([Buffer.from("}("), ...entries, Buffer.from("u")]);

/** A word as A1111's program saves it: its vectors are two dictionaries deep. */
export function word(vectors: Buffer, name = "fox"): Buffer {
  return pickle(
    dictionary(
      entry("string_to_token", dictionary(entry("*", Buffer.from("M\x09\x01", "latin1")))),
      entry("string_to_param", dictionary(entry("*", vectors))),
      entry("name", text(name)),
      entry("step", Buffer.from("K\x03", "latin1")),
      entry("sd_checkpoint", Buffer.from("N")),
    ),
  );
}

/** A checkpoint as trainers save it: a state dict, and what else they keep. */
export function trainerCheckpoint(values: Record<string, Buffer>): Buffer {
  const items = Object.entries(values).map(([name, value]) => entry(name, value));
  return pickle(dictionary(entry("epoch", Buffer.from("K\x03")), entry("state_dict", dictionary(...items))));
}

/** Names that tools write, of every kind. */
export const toolNames: readonly string[] = [
  ...[kohyaLora(), peftLora, oldLora, motionLora, motionModule, checkpoint].flatMap(Object.keys),
];

const vector = tensor({ shape: [1n, 2n], strides: [2n, 1n] });
const both = { [`${attention}.weight`]: tensor(), [`${attention.replace("to_q", "to_k")}.weight`]: tensor() };

export function toolZips(): Cases {
  return {
    word: torchZip(word(vector)),
    "word-of-diffusers": torchZip(stateDict({ "<fox>": tensor() })),
    "trainer-checkpoint": torchZip(trainerCheckpoint(both)),
    fp8: torchZip(stateDict({ a: tensor({ dtype: "float8_e4m3fn", numel: 8n }) })),
  };
}

export function toolPickles(): Cases {
  return {
    "legacy-word": torchLegacy(word(vector), ["0"], twoFloats),
    "legacy-checkpoint": torchLegacy(trainerCheckpoint(both), ["0"], twoFloats),
  };
}
