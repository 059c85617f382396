import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { fixtures, readCase } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { type T5Model, type T5Network, writeT5Model } from "./t5_model_folder.js";
import { drawWeights } from "./tensors.js";

interface LatteCase extends T5Model {
  request: SampleRequest & { width: number; height: number };
}

const readLatteCase = () => readCaseFile<LatteCase>(join(fixtures, "latte"));

/** The film of test/fixtures/latte, of which diffusers made the expected one. */
export const latteRequest = () => readLatteCase().request;

const classes: Record<T5Network, object> = {
  transformer: { _class_name: "LatteTransformer3DModel" },
  vae: { _class_name: "AutoencoderKL" },
  text_encoder: { architectures: ["T5EncoderModel"] },
};

/** Writes a small Latte model into build/fixtures, in diffusers' layout. `changes` are laid over its transformer's config. */
export function writeLatte(name: string, changes: object = {}): string {
  return writeT5Model(name, readLatteCase(), { pipeline: "LattePipeline", classes, changes });
}

/** Writes a VAE with a decoder over time, as the published model has beside its own. */
export function writeLatteTemporalVae(folder: string): void {
  const { config, weights, seed } = readCase(join(fixtures, "models/vae_decode-temporal"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), drawWeights(weights, seed));
}
