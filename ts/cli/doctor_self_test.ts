import { openAddonFor } from "../addon.js";
import type { NativeSampleRequest } from "../native.js";
import { nativeOptions } from "../options/sample.js";
import { completeRecipe } from "../training/complete_recipe.js";
import { type ModelFiles, withModelFiles } from "./model_files.js";

export interface SelfTest {
  /** From the drawing of the weights to the frames. */
  seconds: number;
  /** RGB, (frames, height, width, 3). */
  frames: Uint8Array;
}

const vocabulary = 64;
const positions = 16;

/** The smallest networks that have every kind of layer; weights are drawn, as for training from nothing. */
const configs: ModelFiles = {
  "base/text_encoder/config.json": {
    architectures: ["CLIPTextModel"],
    model_type: "clip_text_model",
    vocab_size: vocabulary,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    max_position_embeddings: positions,
    hidden_act: "quick_gelu",
    bos_token_id: 0,
    eos_token_id: 1,
  },
  "base/unet/config.json": {
    _class_name: "UNet2DConditionModel",
    in_channels: 4,
    out_channels: 4,
    down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
    mid_block_type: "UNetMidBlock2DCrossAttn",
    block_out_channels: [16, 32],
    layers_per_block: 1,
    norm_num_groups: 4,
    cross_attention_dim: 16,
    attention_head_dim: 2,
    sample_size: 8,
  },
  "base/vae/config.json": {
    _class_name: "AutoencoderKL",
    in_channels: 3,
    out_channels: 3,
    latent_channels: 4,
    down_block_types: Array(4).fill("DownEncoderBlock2D"),
    up_block_types: Array(4).fill("UpDecoderBlock2D"),
    block_out_channels: [8, 8, 16, 16],
    layers_per_block: 1,
    norm_num_groups: 4,
    sample_size: 64,
    scaling_factor: 0.18215,
  },
  "base/scheduler/scheduler_config.json": { _class_name: "DDIMScheduler", beta_schedule: "linear" },
  "motion/config.json": {
    _class_name: "MotionAdapter",
    block_out_channels: [16, 32],
    motion_layers_per_block: 1,
    motion_num_attention_heads: 2,
    motion_norm_num_groups: 4,
    motion_max_seq_length: 8,
    use_motion_mid_block: false,
  },
};

/** A video of two steps by a tiny model on `device`: all that a real one does. Rejects as the addon does. */
export async function runSelfTest(device: string): Promise<SelfTest> {
  const start = performance.now();
  const trainer = new (openAddonFor(device).Trainer)();
  try {
    await withModelFiles(configs, (folder) => trainer.load(recipe(folder, device), () => {}).promise);
    const frames = await trainer.sample(request(), () => {}).promise;
    return { seconds: (performance.now() - start) / 1000, frames };
  } finally {
    await trainer.close();
  }
}

function recipe(folder: string, device: string): string {
  const model = { base: "base", motion: "motion" };
  const data = { source: ".", size: [64, 64] };
  // What a GPU is used with.
  const dtype = device === "cpu" ? "fp32" : "bf16";
  const given = { kind: "motion", model, data, steps: 1, device, dtype, seed: 1, output: "out" };
  return JSON.stringify(completeRecipe(given, folder));
}

function request(): NativeSampleRequest {
  const ids = (seed: number) =>
    Int32Array.from({ length: positions }, (_, i) => (i === 0 ? 0 : 2 + ((seed * i) % (vocabulary - 2))));
  return {
    promptIds: ids(7),
    negativeIds: ids(3),
    pictures: {},
    options: nativeOptions({ frames: 4, width: 64, height: 64, steps: 2, guidanceScale: 4, seed: 1 }),
  };
}

/** How far two self-tests are apart: the mean difference of their values, of 255. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}
