import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { writeTokenizer } from "./model_folder.js";
import { writeSafetensors } from "./safetensors.js";
import { drawWeight, type Tensor, type Tensors } from "./tensors.js";

/** A model's names in one file and in diffusers' folder, as diffusers' converter has them. */
export interface LayoutCase {
  unet: Record<string, unknown>;
  vae: Record<string, unknown>;
  text_encoder: Record<string, unknown>;
  /** The name in the file, the part and name in the folder, the shape in the file. */
  pairs: [theirs: string, ours: string, shape: number[]][];
}

const file = "test/fixtures/weights/layouts.json.gz";
export const layoutCases = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Record<
  string,
  LayoutCase
>;

const fileNames = { unet: "diffusion_pytorch_model", vae: "diffusion_pytorch_model", text_encoder: "model" };
export type Part = keyof typeof fileNames;
export const parts = Object.keys(fileNames) as Part[];

export const weightsFile = (folder: string, part: Part) =>
  join(folder, part, `${fileNames[part]}.safetensors`);

/** Random tensors under the file's names. */
export function drawCheckpoint({ pairs }: LayoutCase): Tensors {
  return Object.fromEntries(pairs.map(([name, , shape]) => [name, drawWeight(name, shape, 7)]));
}

/** A checkpoint's tensors under the names of a part of the folder. */
export function partOf({ pairs }: LayoutCase, checkpoint: Tensors, part: Part): Tensors {
  const own = pairs.filter(([, ours]) => ours.startsWith(`${part}/`));
  return Object.fromEntries(
    own.map(([theirs, ours]) => {
      const { shape, data } = checkpoint[theirs] as Tensor;
      const isMatrix = part === "vae" && ours.includes(".attentions.") && shape.length === 4;
      return [ours.slice(part.length + 1), { shape: isMatrix ? shape.slice(0, 2) : shape, data }];
    }),
  );
}

/** The folder that the checkpoint was made of. */
export function writeLayoutFolder(folder: string, layout: LayoutCase, checkpoint: Tensors): void {
  for (const part of parts) {
    writeJson(join(folder, part, "config.json"), layout[part]);
    writeSafetensors(weightsFile(folder, part), partOf(layout, checkpoint, part));
  }
  const schedule = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear" };
  const steps = { steps_offset: 1, skip_prk_steps: true, set_alpha_to_one: false };
  const scheduler = { _class_name: "PNDMScheduler", ...schedule, ...steps };
  writeJson(join(folder, "scheduler", "scheduler_config.json"), scheduler);
  writeTokenizer(join(folder, "tokenizer"));
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value));
}
