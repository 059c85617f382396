import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ImageToVideoRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { fixtures, readCase } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { drawInput, drawWeights, type WeightTree } from "./tensors.js";

interface VideoCase {
  networks: Record<"unet" | "vae" | "image_encoder", string>;
  image_encoder: { image_size: number; patch_size: number };
  scheduler: object;
  picture: { width: number; height: number; seed: number };
  request: Omit<ImageToVideoRequest, "image">;
}

const readVideoCase = () => readCaseFile<VideoCase>(join(fixtures, "svd"));

/** The film of test/fixtures/svd, of which diffusers made the expected one. */
export function videoRequest(): ImageToVideoRequest {
  const { picture, request } = readVideoCase();
  const { width, height, seed } = picture;
  const numbers = drawInput("picture", { shape: [height, width, 3], below: 256 }, seed).data;
  // Its shape is another one than the film's.
  return { ...request, fit: "fill", image: { data: Uint8Array.from(numbers), width, height } };
}

/** Writes a small Stable Video Diffusion model into build/fixtures, in diffusers' layout. */
export function writeVideoModel(name: string): string {
  const base = join("build/fixtures", name);
  rmSync(base, { recursive: true, force: true });
  const { networks, image_encoder: encoder, scheduler } = readVideoCase();
  const write = (network: keyof typeof networks, file: string, changed: object, more: object) => {
    const { config, weights, seed } = readCase(join(fixtures, networks[network]));
    const folder = join(base, network);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...more }));
    writeSafetensors(join(folder, file), drawWeights({ ...weights, ...changed } as WeightTree, seed));
  };
  const diffusers = "diffusion_pytorch_model.safetensors";
  write("unet", diffusers, {}, { _class_name: "UNetSpatioTemporalConditionModel" });
  write("vae", diffusers, {}, {});
  const { weights } = readCase(join(fixtures, networks.image_encoder));
  const vision = structuredClone(weights) as { vision_model: { embeddings: Record<string, object> } };
  const [out = 0] = (vision.vision_model.embeddings.patch_embedding as { weight: number[] }).weight;
  vision.vision_model.embeddings.patch_embedding = {
    weight: [out, 3, encoder.patch_size, encoder.patch_size],
  };
  write("image_encoder", "model.safetensors", vision, encoder);
  mkdirSync(join(base, "scheduler"));
  writeFileSync(join(base, "scheduler/scheduler_config.json"), JSON.stringify(scheduler));
  writeFileSync(
    join(base, "model_index.json"),
    JSON.stringify({ _class_name: "StableVideoDiffusionPipeline" }),
  );
  return base;
}
