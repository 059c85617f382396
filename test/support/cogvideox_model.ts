import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { fixtures } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { drawInput, drawWeights, type Tensors, type WeightTree } from "./tensors.js";

/** Of a text, or of a text and a picture (1.5). */
export type CogVideoXFilm = "text" | "picture";

interface FilmCase {
  pipeline: string;
  networks: Record<
    "transformer" | "vae" | "text_encoder",
    { config: Record<string, unknown>; weights: WeightTree; seed: number }
  >;
  scheduler: Record<string, unknown>;
  request: SampleRequest & { width: number; height: number };
}

export const readFilm = (film: CogVideoXFilm) => readCaseFile<FilmCase>(join(fixtures, "cogvideox", film));

/** The film of test/fixtures/cogvideox, of which diffusers made the expected one. */
export function cogVideoXRequest(film: CogVideoXFilm): SampleRequest {
  const { request } = readFilm(film);
  const { width, height } = request;
  if (film === "text") return request;
  const { data } = drawInput("picture", { shape: [height, width, 3], below: 256 }, 11);
  return { ...request, image: { data: Uint8Array.from(data), width, height } };
}

const classes = {
  transformer: "CogVideoXTransformer3DModel",
  vae: "AutoencoderKLCogVideoX",
  text_encoder: undefined,
} as const;

/**
 * Writes a small CogVideoX model into build/fixtures, in diffusers' layout. `changes` are laid over its transformer's config,
 * without changing its weights.
 */
export function writeCogVideoX(name: string, film: CogVideoXFilm, changes: object = {}): string {
  const base = join("build/fixtures", name);
  rmSync(base, { recursive: true, force: true });
  const { pipeline, networks, scheduler } = readFilm(film);
  for (const [network, _class_name] of Object.entries(classes)) {
    const { config, weights, seed } = networks[network as keyof typeof classes];
    const folder = join(base, network);
    mkdirSync(folder, { recursive: true });
    const own = network === "transformer" ? changes : {};
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ ...config, ...own, ...(_class_name && { _class_name }) }),
    );
    const file = network === "text_encoder" ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    writeSafetensors(join(folder, file), drawWeights(weights, seed));
  }
  mkdirSync(join(base, "scheduler"));
  writeFileSync(join(base, "scheduler/scheduler_config.json"), JSON.stringify(scheduler));
  mkdirSync(join(base, "tokenizer"));
  const pieces = gunzipSync(readFileSync(join(fixtures, "tokens-t5/spiece.model.gz")));
  writeFileSync(join(base, "tokenizer/spiece.model"), pieces);
  writeFileSync(join(base, "model_index.json"), JSON.stringify({ _class_name: pipeline }));
  return base;
}

/** A LoRA for the small transformer of either film, as training writes one. */
export function cogVideoXLora(): Tensors {
  const layer = "transformer.transformer_blocks.0.attn1.to_q";
  return {
    [`${layer}.lora_A.weight`]: drawInput("lora A", { shape: [2, 32] }, 5),
    [`${layer}.lora_B.weight`]: drawInput("lora B", { shape: [32, 2] }, 5),
  };
}
