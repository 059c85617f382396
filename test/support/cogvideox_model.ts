import { join } from "node:path";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { fixtures } from "./probes.js";
import { type T5Model, type T5Network, writeT5Model } from "./t5_model_folder.js";
import { drawInput, type Tensors } from "./tensors.js";

/** Of a text, or of a text and a picture (1.5). */
export type CogVideoXFilm = "text" | "picture";

interface FilmCase extends T5Model {
  pipeline: string;
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

const classes: Record<T5Network, object> = {
  transformer: { _class_name: "CogVideoXTransformer3DModel" },
  vae: { _class_name: "AutoencoderKLCogVideoX" },
  text_encoder: {},
};

/**
 * Writes a small CogVideoX model into build/fixtures, in diffusers' layout. `changes` are laid over its transformer's config,
 * without changing its weights.
 */
export function writeCogVideoX(name: string, film: CogVideoXFilm, changes: object = {}): string {
  const { pipeline, ...model } = readFilm(film);
  return writeT5Model(name, model, { pipeline, classes, changes });
}

/** A LoRA for the small transformer of either film, as training writes one. */
export function cogVideoXLora(): Tensors {
  const layer = "transformer.transformer_blocks.0.attn1.to_q";
  return {
    [`${layer}.lora_A.weight`]: drawInput("lora A", { shape: [2, 32] }, 5),
    [`${layer}.lora_B.weight`]: drawInput("lora B", { shape: [32, 2] }, 5),
  };
}
