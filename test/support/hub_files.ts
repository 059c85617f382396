import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type HubSettings, hubSettings } from "#ts/hub/settings.js";
import type { HubServer, ServedFiles } from "./hub_server.js";

/** So many bytes, which differ with the seed. */
export function bytesOf(seed: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash("sha256").update(`${seed} ${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

/** The files of a pipeline, and some that loading doesn't read; nothing of it can be loaded. */
export function pipelineFiles(seed: string): ServedFiles {
  const weights = (name: string) => bytesOf(`${seed} ${name}`, 3000);
  return {
    ".gitattributes": "",
    "README.md": `# ${seed}`,
    "model_index.json": '{"_class_name": "StableDiffusionPipeline"}',
    "scheduler/scheduler_config.json": '{"_class_name": "DDIMScheduler"}',
    "tokenizer/merges.txt": "#version: 0.2\n",
    "tokenizer/vocab.json": "{}",
    "text_encoder/config.json": '{"architectures": ["CLIPTextModel"]}',
    "text_encoder/model.safetensors": weights("text"),
    "text_encoder/pytorch_model.bin": weights("text bin"),
    "unet/config.json": '{"_class_name": "UNet2DConditionModel"}',
    "unet/diffusion_pytorch_model.safetensors": weights("unet"),
    "unet/diffusion_pytorch_model.fp16.safetensors": weights("unet fp16"),
    "vae/config.json": '{"_class_name": "AutoencoderKL"}',
    "vae/diffusion_pytorch_model.safetensors": weights("vae"),
  };
}

export const neededOfPipeline = [
  "model_index.json",
  "scheduler/scheduler_config.json",
  "text_encoder/config.json",
  "text_encoder/model.safetensors",
  "tokenizer/merges.txt",
  "tokenizer/vocab.json",
  "unet/config.json",
  "unet/diffusion_pytorch_model.safetensors",
  "vae/config.json",
  "vae/diffusion_pytorch_model.safetensors",
];

/** Of a MotionAdapter, in plain and fp16. */
export function motionFiles(seed: string): ServedFiles {
  return {
    "README.md": "",
    "config.json": '{"_class_name": "MotionAdapter"}',
    "diffusion_pytorch_model.safetensors": bytesOf(seed, 5000),
    "diffusion_pytorch_model.fp16.safetensors": bytesOf(`${seed} fp16`, 2500),
  };
}

/** Settings that ask the server and keep what comes below `folder`. */
export function settingsFor(server: HubServer, folder: string, more: NodeJS.ProcessEnv = {}): HubSettings {
  return hubSettings({ ...server.environment(folder), ...more });
}

/** All files of a folder, to be served. */
export function filesOf(folder: string): ServedFiles {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path)]));
}

export function readAt(path: string, file: string): Buffer {
  return readFileSync(join(path, file));
}
