import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { fixtures } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { drawWeights, type WeightTree } from "./tensors.js";

type Network = "transformer" | "vae" | "text_encoder";

interface WanCase {
  networks: Record<Network, { config: Record<string, unknown>; weights: WeightTree; seed: number }>;
  scheduler: Record<string, unknown>;
  request: SampleRequest & { width: number; height: number };
}

const readWanCase = () => readCaseFile<WanCase>(join(fixtures, "wan"));

/** The film of test/fixtures/wan, of which diffusers made the expected one. */
export const wanRequest = () => readWanCase().request;

const classes: Record<Network, object> = {
  transformer: { _class_name: "WanTransformer3DModel" },
  vae: { _class_name: "AutoencoderKLWan" },
  text_encoder: { architectures: ["UMT5EncoderModel"] },
};

/** Writes a small Wan model into build/fixtures, in diffusers' layout. `changes` are laid over its transformer's config. */
export function writeWan(name: string, changes: object = {}): string {
  const base = join("build/fixtures", name);
  rmSync(base, { recursive: true, force: true });
  const { networks, scheduler } = readWanCase();
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
  writeFileSync(join(base, "model_index.json"), JSON.stringify({ _class_name: "WanPipeline" }));
  return base;
}
