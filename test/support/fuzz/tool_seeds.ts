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
  ...pair(`unet.${attention}.lora.down.weight`, `unet.${attention}.lora.up.weight`),
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
  [`${motionBlock}.norm.weight`]: [8],
  [`${motionBlock}.norm.bias`]: [8],
  [`${motionBlock}.proj_in.weight`]: [8, 8],
  [`${motionBlock}.proj_out.weight`]: [8, 8],
  [`${transformer}.attention_blocks.0.to_q.weight`]: [8, 8],
  [`${transformer}.attention_blocks.0.to_k.weight`]: [8, 8],
  [`${transformer}.attention_blocks.0.to_out.0.bias`]: [8],
  [`${transformer}.attention_blocks.0.pos_encoder.pe`]: [1, 4, 8],
  [`${transformer}.attention_blocks.1.pos_encoder.pe`]: [1, 4, 8],
  [`${transformer}.norms.0.weight`]: [8],
  [`${transformer}.ff.net.0.proj.weight`]: [64, 8],
  [`${transformer}.ff_norm.weight`]: [8],
};

/** A part of a checkpoint in one file, which says most sizes. */
const checkpoint: Shapes = {
  "model.diffusion_model.input_blocks.0.0.weight": [8, 4, 3, 3],
  "model.diffusion_model.input_blocks.1.0.in_layers.2.weight": [8, 8, 3, 3],
  "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [8, 8],
  "model.diffusion_model.middle_block.0.in_layers.0.weight": [8],
  "model.diffusion_model.output_blocks.0.0.skip_connection.weight": [8, 16, 1, 1],
  "model.diffusion_model.time_embed.0.weight": [32, 8],
  "model.diffusion_model.out.2.bias": [4],
  "first_stage_model.encoder.conv_in.weight": [8, 3, 3, 3],
  "first_stage_model.encoder.down.0.block.0.conv1.weight": [8, 8, 3, 3],
  "first_stage_model.decoder.mid.attn_1.q.weight": [8, 8, 1, 1],
  "first_stage_model.quant_conv.weight": [8, 8, 1, 1],
  "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": [20, 8],
  "cond_stage_model.transformer.text_model.embeddings.position_ids": [1, 7],
  [`cond_stage_model.transformer.${ofText}.weight`]: [8, 8],
  alphas_cumprod: [10],
  model_ema_decay: [],
};

/** Numbers between -1 and 1 in F16 or F32, by name. */
function drawn(shapes: Shapes, dtype: "F16" | "F32", metadata?: Record<string, string>): Buffer {
  const random = makeRandom(1);
  const header: Record<string, object> = metadata ? { __metadata__: metadata } : {};
  const width = dtype === "F16" ? 2 : 4;
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Buffer.alloc(count * width);
    // In fp16: 0x3000 and above is 0.125 and above.
    for (let i = 0; i < count; i++) {
      if (dtype === "F16") data.writeUInt16LE(0x3000 + random(0xbff), 2 * i);
      else data.writeFloatLE(random(2000) / 1000 - 1, 4 * i);
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
    "motion-module": drawn(motionModule, "F32"),
    checkpoint: drawn(checkpoint, "F16", { format: "pt" }),
    word: drawn({ emb_params: [2, 8] }, "F32"),
    "two-words": drawn({ clip_l: [2, 8], clip_g: [2, 16] }, "F32"),
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
const both = Object.fromEntries(toolNames.slice(0, 12).map((name) => [name, tensor()]));

export function toolZips(): Cases {
  return {
    word: torchZip(word(vector)),
    "word-of-diffusers": torchZip(stateDict({ "<fox>": tensor() })),
    "trainer-checkpoint": torchZip(trainerCheckpoint(both)),
    fp8: torchZip(stateDict({ a: tensor({ dtype: "float8_e4m3fn", numel: 8n, shape: [8n] }) })),
  };
}

export function toolPickles(): Cases {
  return {
    "legacy-word": torchLegacy(word(vector), ["0"], twoFloats),
    "legacy-checkpoint": torchLegacy(trainerCheckpoint(both), ["0"], twoFloats),
  };
}
