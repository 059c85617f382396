import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { writeModel } from "./model_folder.js";
import { fixtures } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { drawInput, drawWeights, type WeightTree } from "./tensors.js";

interface I2VGenCase {
  parts: Record<"unet" | "image_encoder", { config: object; weights: WeightTree; seed: number }>;
  scheduler: object;
  picture: { width: number; height: number; seed: number };
  request: Omit<SampleRequest, "image">;
}

const readI2VGenCase = () => readCaseFile<I2VGenCase>(join(fixtures, "i2vgen"));

/** The film of test/fixtures/i2vgen, of which diffusers made the expected one. */
export function i2vgenRequest(): SampleRequest & {
  image: { data: Uint8Array; width: number; height: number };
} {
  const { picture, request } = readI2VGenCase();
  const { width, height, seed } = picture;
  const numbers = drawInput("picture", { shape: [height, width, 3], below: 256 }, seed).data;
  return { ...request, image: { data: Uint8Array.from(numbers), width, height } };
}

/** Writes a small I2VGen-XL model into build/fixtures, in diffusers' layout. */
export function writeI2VGenModel(name: string): string {
  const folder = join("build/fixtures", name);
  const { parts, scheduler } = readI2VGenCase();
  const { base } = writeModel(folder, { motion: null, subject: null, scheduler });
  rmSync(join(base, "unet"), { recursive: true });
  const files = { unet: "diffusion_pytorch_model.safetensors", image_encoder: "model.safetensors" };
  for (const [network, file] of Object.entries(files)) {
    const { config, weights, seed } = parts[network as keyof typeof parts];
    mkdirSync(join(base, network));
    writeFileSync(join(base, network, "config.json"), JSON.stringify(config));
    writeSafetensors(join(base, network, file), drawWeights(weights, seed));
  }
  writeFileSync(join(base, "model_index.json"), JSON.stringify({ _class_name: "I2VGenXLPipeline" }));
  return base;
}
