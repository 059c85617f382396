import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { fixtures, readCase } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { drawWeights, type WeightTree } from "./tensors.js";

type Network = "transformer" | "vae" | "text_encoder";

interface LatteCase {
  networks: Record<Network, { config: Record<string, unknown>; weights: WeightTree; seed: number }>;
  scheduler: Record<string, unknown>;
  request: SampleRequest & { width: number; height: number };
}

const readLatteCase = () => readCaseFile<LatteCase>(join(fixtures, "latte"));

/** The film of test/fixtures/latte, of which diffusers made the expected one. */
export const latteRequest = () => readLatteCase().request;

const classes: Record<Network, object> = {
  transformer: { _class_name: "LatteTransformer3DModel" },
  vae: { _class_name: "AutoencoderKL" },
  text_encoder: { architectures: ["T5EncoderModel"] },
};

/** Writes a small Latte model into build/fixtures, in diffusers' layout. `changes` are laid over its transformer's config. */
export function writeLatte(name: string, changes: object = {}): string {
  const base = join("build/fixtures", name);
  rmSync(base, { recursive: true, force: true });
  const { networks, scheduler } = readLatteCase();
  for (const [network, { config, weights, seed }] of Object.entries(networks)) {
    const folder = join(base, network);
    mkdirSync(folder, { recursive: true });
    const whole = { ...config, ...classes[network as Network], ...(network === "transformer" && changes) };
    writeFileSync(join(folder, "config.json"), JSON.stringify(whole));
    const file = network === "text_encoder" ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    writeSafetensors(join(folder, file), drawWeights(weights, seed));
  }
  mkdirSync(join(base, "scheduler"));
  writeFileSync(join(base, "scheduler/scheduler_config.json"), JSON.stringify(scheduler));
  mkdirSync(join(base, "tokenizer"));
  const pieces = gunzipSync(readFileSync(join(fixtures, "tokens-t5/spiece.model.gz")));
  writeFileSync(join(base, "tokenizer/spiece.model"), pieces);
  writeFileSync(join(base, "model_index.json"), JSON.stringify({ _class_name: "LattePipeline" }));
  return base;
}

/** Writes a VAE with a decoder over time, as the published model has beside its own. */
export function writeLatteTemporalVae(folder: string): void {
  const { config, weights, seed } = readCase(join(fixtures, "models/vae_decode-temporal"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), drawWeights(weights, seed));
}
