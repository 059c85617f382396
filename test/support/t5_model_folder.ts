import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { fixtures } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { drawWeights, type Tensors, type WeightTree } from "./tensors.js";

export type T5Network = "transformer" | "vae" | "text_encoder";

/** What a case says of a small model whose prompts T5 reads. */
export interface T5Model {
  networks: Record<T5Network, { config: Record<string, unknown>; weights: WeightTree; seed: number }>;
  scheduler: Record<string, unknown>;
}

interface Written {
  /** Of diffusers: "WanPipeline". */
  pipeline: string;
  /** What each network's config says of its class. */
  classes: Record<T5Network, object>;
  /** Laid over the transformer's config. */
  changes: object;
  /** May change the transformer's weights. */
  edit?: (weights: Tensors) => void;
}

/** Writes a small model into build/fixtures, in diffusers' layout. Returns its folder. */
export function writeT5Model(name: string, { networks, scheduler }: T5Model, written: Written): string {
  const { pipeline, classes, changes, edit } = written;
  const base = join("build/fixtures", name);
  rmSync(base, { recursive: true, force: true });
  for (const [network, own] of Object.entries(classes)) {
    const { config, weights, seed } = networks[network as T5Network];
    const folder = join(base, network);
    mkdirSync(folder, { recursive: true });
    const whole = { ...config, ...own, ...(network === "transformer" && changes) };
    writeFileSync(join(folder, "config.json"), JSON.stringify(whole));
    const file = network === "text_encoder" ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    const tensors = drawWeights(weights, seed);
    if (network === "transformer") edit?.(tensors);
    writeSafetensors(join(folder, file), tensors);
  }
  mkdirSync(join(base, "scheduler"));
  writeFileSync(join(base, "scheduler/scheduler_config.json"), JSON.stringify(scheduler));
  mkdirSync(join(base, "tokenizer"));
  const pieces = gunzipSync(readFileSync(join(fixtures, "tokens-t5/spiece.model.gz")));
  writeFileSync(join(base, "tokenizer/spiece.model"), pieces);
  writeFileSync(join(base, "model_index.json"), JSON.stringify({ _class_name: pipeline }));
  return base;
}
