import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ModelPaths, writeModel } from "./model_folder.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

/** The scheduler config of Stable Diffusion 1.5. */
export const scheduler = {
  _class_name: "DDIMScheduler",
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  beta_end: 0.012,
  steps_offset: 1,
  set_alpha_to_one: false,
  clip_sample: false,
};

/** Gives the model's UNet so many input channels: its own again and again. */
export function widenInput(base: string, channels: number): void {
  const config = join(base, "unet/config.json");
  const weights = join(base, "unet/diffusion_pytorch_model.safetensors");
  writeFileSync(
    config,
    JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), in_channels: channels }),
  );
  const tensors = readSafetensors(weights);
  const { shape, data } = tensors["conv_in.weight"] as { shape: number[]; data: Float32Array };
  const [out = 0, own = 1, ...kernel] = shape;
  const size = data.length / out / own;
  const wide = new Float32Array(out * channels * size);
  for (let i = 0; i < out; i++) {
    for (let c = 0; c < channels; c++) {
      const from = (i * own + (c % own)) * size;
      wide.set(data.subarray(from, from + size), (i * channels + c) * size);
    }
  }
  const conv = { shape: [out, channels, ...kernel], data: wide };
  writeSafetensors(weights, { ...tensors, "conv_in.weight": conv });
}

/** A small random model with motion modules and a subject, written to build/fixtures. */
export function writeSmallModel(name: string): ModelPaths {
  return writeModel(join("build/fixtures", name), { motion: "motion", subject: "subject", scheduler });
}
