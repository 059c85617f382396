import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeSafetensors } from "./safetensors.js";
import { drawWeights, type WeightTree } from "./tensors.js";

/** The parts of a small random model, by the names of test/fixtures/pipeline/parts; null: without. */
export interface ModelParts {
  motion: "motion" | "motion_mid" | null;
  subject: "subject" | null;
  /** Default: "unet". */
  unet?: "unet" | "unet_edit";
  /** scheduler_config.json of the base folder. */
  scheduler: object;
  /** How many frames and references the motion modules have positions for. Default: as many as the part says. */
  maxFrames?: number;
  /** How many tokens the text encoder has positions for. Default: as many as the part says. */
  textPositions?: number;
}

/** As `Pipeline.load` takes them. */
export interface ModelPaths {
  base: string;
  motion?: string;
  subject?: string;
}

interface Part {
  config: Record<string, unknown>;
  seed: number;
  weights: WeightTree;
}

const parts = "test/fixtures/pipeline/parts";
const [start, end] = ["<|startoftext|>", "<|endoftext|>"];

/** Writes the model in its public layouts: a diffusers folder, a MotionAdapter folder, a subject's file. */
export function writeModel(
  folder: string,
  { motion, subject, scheduler, maxFrames, textPositions, unet = "unet" }: ModelParts,
): ModelPaths {
  rmSync(folder, { recursive: true, force: true });
  const base = join(folder, "base");
  writeNetwork(join(base, "unet"), unet, "diffusion_pytorch_model.safetensors");
  writeNetwork(join(base, "vae"), "vae", "diffusion_pytorch_model.safetensors");
  const text = readPart<Part>("text_encoder");
  writePart(
    join(base, "text_encoder"),
    textPositions === undefined ? text : withTextPositions(text, textPositions),
    "model.safetensors",
  );
  writeTokenizer(join(base, "tokenizer"));
  writeJson(join(base, "scheduler", "scheduler_config.json"), scheduler);
  writeJson(join(base, "model_index.json"), modelIndex);
  const paths: ModelPaths = { base };
  if (motion) {
    paths.motion = join(folder, "motion");
    const own = readPart<Part>(motion);
    const part = maxFrames === undefined ? own : withPositions(own, maxFrames);
    writePart(paths.motion, part, "diffusion_pytorch_model.safetensors");
  }
  if (subject) {
    paths.subject = join(folder, "subject.safetensors");
    const { weights, seed } = readPart<Part>(subject);
    writeSafetensors(paths.subject, drawWeights(weights, seed));
  }
  return paths;
}

const modelIndex = {
  _class_name: "StableDiffusionPipeline",
  scheduler: ["diffusers", "DDIMScheduler"],
  text_encoder: ["transformers", "CLIPTextModel"],
  tokenizer: ["transformers", "CLIPTokenizer"],
  unet: ["diffusers", "UNet2DConditionModel"],
  vae: ["diffusers", "AutoencoderKL"],
};

function readPart<T>(name: string): T {
  return JSON.parse(readFileSync(join(parts, `${name}.json`), "utf8")) as T;
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

function writeNetwork(folder: string, name: string, file: string): void {
  writePart(folder, readPart<Part>(name), file);
}

function writePart(folder: string, { config, seed, weights }: Part, file: string): void {
  writeJson(join(folder, "config.json"), config);
  writeSafetensors(join(folder, file), drawWeights(weights, seed));
}

/** The motion modules with tables of so many positions. */
function withPositions({ config, seed, weights }: Part, count: number): Part {
  const lengthen = (tree: WeightTree): WeightTree =>
    Object.fromEntries(
      Object.entries(tree).map(([name, child]) => {
        if (!Array.isArray(child)) return [name, lengthen(child)];
        const [mark, batch, , channels] = child;
        return [name, mark === null ? [null, batch ?? 1, count, channels ?? 1] : child];
      }),
    );
  return { config: { ...config, motion_max_seq_length: count }, seed, weights: lengthen(weights) };
}

/** The text encoder with a table of so many positions. */
function withTextPositions({ config, weights, ...part }: Part, count: number): Part {
  const changed = structuredClone(weights) as { text_model: { embeddings: Record<string, WeightTree> } };
  changed.text_model.embeddings.position_embedding = { weight: [count, config.hidden_size as number] };
  return { ...part, config: { ...config, max_position_embeddings: count }, weights: changed };
}

/** Each byte's stand-in character: printable ones are themselves and come first. */
function byteCharacters(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte < 127) || (byte >= 161 && byte < 173) || byte >= 174;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const printable = bytes.filter(isPrintable);
  const others = bytes.filter((byte) => !isPrintable(byte)).map((_, i) => 256 + i);
  return [...printable, ...others].map((code) => String.fromCharCode(code));
}

export function writeTokenizer(folder: string): void {
  const { merges } = readPart<{ merges: string[] }>("tokenizer");
  const characters = byteCharacters();
  const tokens = [
    ...characters,
    ...characters.map((character) => `${character}</w>`),
    ...merges.map((merge) => merge.replace(" ", "")),
    start,
    end,
  ];
  writeJson(join(folder, "vocab.json"), Object.fromEntries(tokens.map((token, id) => [token, id])));
  writeFileSync(join(folder, "merges.txt"), `#version: 0.2\n${merges.join("\n")}\n`);
  const special = { bos_token: start, eos_token: end, unk_token: end, pad_token: end };
  writeJson(join(folder, "special_tokens_map.json"), special);
  writeJson(join(folder, "tokenizer_config.json"), {
    ...special,
    model_max_length: 77,
    tokenizer_class: "CLIPTokenizer",
  });
}
