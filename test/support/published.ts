import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readCaseFile } from "./case_file.js";
import { writeTokenizer } from "./model_folder.js";
import { fixtures } from "./probes.js";
import { type Outlines, writeSparseCheckpoint, writeSparseSafetensors } from "./sparse_files.js";
import { elements } from "./tensors.js";
import { ldmUNetName, ldmVaeName } from "./video_checkpoint.js";
import { releasedOutlines } from "./wan_released.js";

// Published models without their weights: names and shapes of all tensors, in files of the published lengths that
// take no room on the disk. test/fixtures/make/published.py has them from the published configs.

/** Neighbours that are numbered and alike are one, as in "0-27". */
type ShapeTree = { [part: string]: ShapeTree | number[] };

const parts = readCaseFile<Record<string, { config: object; weights: ShapeTree }>>(
  join(fixtures, "published"),
);

function flat(tree: ShapeTree, prefix = ""): Outlines {
  const shapes: Outlines = {};
  for (const [part, child] of Object.entries(tree)) {
    const [first, last = first] = part.split("-", 2).map(Number) as [number, number?];
    const names = /^\d+-\d+$/.test(part)
      ? Array.from({ length: (last as number) - first + 1 }, (_, i) => String(first + i))
      : [part];
    for (const name of names) {
      if (Array.isArray(child)) shapes[prefix + name] = child;
      else Object.assign(shapes, flat(child, `${prefix}${name}.`));
    }
  }
  return shapes;
}

const configOf = (part: string) => parts[part]?.config;

/** Names and shapes of a network's tensors. */
export const shapesOf = (part: string): Outlines => flat(parts[part]?.weights ?? {});

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value));
}

/** Parts of at most so many bytes of fp16, in the order of the tensors. */
function shardsOf(shapes: Outlines, limit: number): Outlines[] {
  const shards: Outlines[] = [{}];
  let filled = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 2 * elements(shape as number[]);
    if (filled + bytes > limit) {
      shards.push({});
      filled = 0;
    }
    (shards.at(-1) as Outlines)[name] = shape;
    filled += bytes;
  }
  return shards;
}

/** Writes a network's folder; its weights are in several files where `limit` bytes don't hold them. */
export function writeNetwork(
  folder: string,
  part: string,
  { changes = {}, limit = Number.POSITIVE_INFINITY }: { changes?: object; limit?: number } = {},
): void {
  const config = { ...configOf(part), ...changes };
  writeJson(join(folder, "config.json"), config);
  const stem = "_class_name" in config ? "diffusion_pytorch_model" : "model";
  writeWeights(folder, stem, shapesOf(part), limit);
}

/** Writes a .safetensors file, or several of at most so many bytes with their index. */
function writeWeights(
  folder: string,
  stem: string,
  shapes: Outlines,
  limit = Number.POSITIVE_INFINITY,
): void {
  const shards = shardsOf(shapes, limit);
  const padded = (i: number) => String(i).padStart(5, "0");
  const weightMap: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const infix = shards.length === 1 ? "" : `-${padded(i + 1)}-of-${padded(shards.length)}`;
    writeSparseSafetensors(join(folder, `${stem}${infix}.safetensors`), shard);
    for (const name of Object.keys(shard)) weightMap[name] = `${stem}${infix}.safetensors`;
  }
  if (shards.length > 1)
    writeJson(join(folder, `${stem}.safetensors.index.json`), { metadata: {}, weight_map: weightMap });
}

type Networks = Record<string, string | [part: string, options: { changes?: object; limit?: number }]>;

interface Layout {
  pipeline: string;
  networks: Networks;
  scheduler: object;
  tokenizer?: "clip" | "t5";
}

const GB = 1e9;
const linear = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear" };
const zeroSnr = { rescale_betas_zero_snr: true, prediction_type: "v_prediction" };
const euler = { _class_name: "EulerDiscreteScheduler", ...linear, prediction_type: "v_prediction" };
const svdScheduler = { ...euler, timestep_type: "continuous", use_karras_sigmas: true, sigma_max: 700 };
const t5: Networks = { text_encoder: ["t5-xxl", { limit: 5 * GB }] };

function svd(frames: number): Layout {
  return {
    pipeline: "StableVideoDiffusionPipeline",
    networks: {
      unet: ["svd-unet", { changes: { num_frames: frames } }],
      vae: "svd-vae",
      image_encoder: "open-vision",
    },
    scheduler: svdScheduler,
  };
}

function cogVideoX(transformer: string, limit: number, vae: object = { scaling_factor: 0.7 }): Layout {
  const isOfPicture = transformer.endsWith("i2v");
  return {
    pipeline: isOfPicture ? "CogVideoXImageToVideoPipeline" : "CogVideoXPipeline",
    networks: {
      transformer: [transformer, { limit }],
      vae: ["cogvideox-vae", { changes: vae }],
      ...t5,
    },
    scheduler: {
      ...{ _class_name: "CogVideoXDDIMScheduler", ...linear, ...zeroSnr },
      snr_shift_scale: transformer.endsWith("2b") ? 3 : 1,
      timestep_spacing: "trailing",
    },
    tokenizer: "t5",
  };
}

const folders: Record<string, Layout> = {
  "Wan2.1-T2V-1.3B-Diffusers": wan("wan-1.3b"),
  "Wan2.1-T2V-14B-Diffusers": wan("wan-14b"),
  "Wan2.1-VACE-1.3B-diffusers": wan("vace-1.3b", "WanVACEPipeline"),
  "Wan2.1-I2V-14B-480P-Diffusers": wan("wan-i2v-14b", "WanImageToVideoPipeline"),
  "Wan2.1-FLF2V-14B-720P-diffusers": wan("wan-flf2v-14b", "WanImageToVideoPipeline"),
  "stable-diffusion-v1-5": {
    pipeline: "StableDiffusionPipeline",
    networks: { unet: "sd-unet", vae: "sd-vae", text_encoder: "sd-text" },
    scheduler: { _class_name: "PNDMScheduler", ...linear, skip_prk_steps: true },
    tokenizer: "clip",
  },
  "stable-video-diffusion-img2vid": svd(14),
  "stable-video-diffusion-img2vid-xt": svd(25),
  "CogVideoX-2b": cogVideoX("cogvideox-2b", 10 * GB, {}),
  "CogVideoX-5b": cogVideoX("cogvideox-5b", 10 * GB),
  "CogVideoX-5b-I2V": cogVideoX("cogvideox-5b-i2v", 5 * GB),
  "CogVideoX1.5-5B": cogVideoX("cogvideox-1.5-5b", 5 * GB),
  "CogVideoX1.5-5B-I2V": cogVideoX("cogvideox-1.5-5b-i2v", 5 * GB, {
    ...{ scaling_factor: 0.7, invert_scale_latents: true },
  }),
  "Latte-1": {
    pipeline: "LattePipeline",
    networks: { transformer: "latte", vae: "sd-vae", vae_temporal_decoder: "svd-vae", ...t5 },
    scheduler: { _class_name: "DDIMScheduler", beta_start: 0.0001, beta_end: 0.02, beta_schedule: "linear" },
    tokenizer: "t5",
  },
  "i2vgen-xl": {
    pipeline: "I2VGenXLPipeline",
    networks: {
      unet: "i2vgen-unet",
      vae: "sd-vae",
      text_encoder: "open-text",
      image_encoder: "open-vision",
    },
    scheduler: { _class_name: "DDIMScheduler", beta_schedule: "squaredcos_cap_v2", ...zeroSnr },
    tokenizer: "clip",
  },
};

function wan(transformer: string, pipeline = "WanPipeline", limit = 10 * GB): Layout {
  return {
    pipeline,
    networks: {
      transformer: [transformer, { limit }],
      vae: "wan-vae",
      text_encoder: ["umt5-xxl", { limit: 5 * GB }],
      ...(pipeline === "WanImageToVideoPipeline" && { image_encoder: "clip-vision" }),
    },
    scheduler: {
      ...{ _class_name: "UniPCMultistepScheduler", prediction_type: "flow_prediction" },
      ...{ use_flow_sigmas: true, flow_shift: 3 },
    },
    tokenizer: "t5",
  };
}

function writeFolder(folder: string, { pipeline, networks, scheduler, tokenizer }: Layout): void {
  for (const [name, network] of Object.entries(networks)) {
    const [part, options] = typeof network === "string" ? [network, {}] : network;
    writeNetwork(join(folder, name), part, options);
  }
  writeJson(join(folder, "scheduler/scheduler_config.json"), scheduler);
  writeJson(join(folder, "model_index.json"), { _class_name: pipeline });
  if (tokenizer === undefined) return;
  mkdirSync(join(folder, "tokenizer"));
  if (tokenizer === "clip") writeTokenizer(join(folder, "tokenizer"));
  else {
    writeFileSync(join(folder, "tokenizer/spiece.model"), spiece());
  }
}

const spiece = () => gunzipSync(readFileSync(join(fixtures, "tokens-t5/spiece.model.gz")));

/** As Wan's authors publish it. */
function writeReleasedWan(folder: string, transformer: string, config: object): void {
  const isOfPicture = transformer.includes("i2v");
  writeJson(join(folder, "config.json"), config);
  const outlines = releasedOutlines(shapesOf(transformer), "transformer");
  writeWeights(folder, "diffusion_pytorch_model", outlines, isOfPicture ? 10 * GB : undefined);
  const text = releasedOutlines(shapesOf("umt5-xxl"), "text_encoder");
  writeSparseCheckpoint(join(folder, "models_t5_umt5-xxl-enc-bf16.pth"), text);
  writeSparseCheckpoint(join(folder, "Wan2.1_VAE.pth"), releasedOutlines(shapesOf("wan-vae"), "vae"), {
    type: "fp32",
  });
  if (isOfPicture) {
    const vision = releasedOutlines(shapesOf("clip-vision"), "image_encoder");
    writeSparseCheckpoint(join(folder, "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"), vision);
  }
  mkdirSync(join(folder, "google/umt5-xxl"), { recursive: true });
  writeFileSync(join(folder, "google/umt5-xxl/spiece.model"), spiece());
}

const renamed = (shapes: Outlines, name: (name: string) => string): Outlines =>
  Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [name(key), shape]));

/** The UNet and VAE of a checkpoint in one file. */
function ldmShapes(unet: string, vae: string): { unet: Outlines; vae: Outlines } {
  const attending = [false, true, true, true];
  const named = renamed(shapesOf(vae), (name) => ldmVaeName(name, 4));
  for (const [name, shape] of Object.entries(named)) {
    // Attention is by convolutions there.
    if (/\.attn_1\.(q|k|v|proj_out)\.weight$/.test(name)) named[name] = [...(shape as number[]), 1, 1];
  }
  return {
    unet: renamed(shapesOf(unet), (name) => `model.diffusion_model.${ldmUNetName(name, 2, attending)}`),
    vae: named,
  };
}

const under = (prefix: string, shapes: Outlines) => renamed(shapes, (name) => prefix + name);

function svdFile(): Outlines {
  const { unet, vae } = ldmShapes("svd-unet", "svd-vae");
  const picture = renamed(shapesOf("sd-vae"), (name) => ldmVaeName(name, 4));
  const own = Object.entries(vae).filter(([name]) => !name.startsWith("quant_conv."));
  return {
    ...unet,
    ...under("first_stage_model.", Object.fromEntries(own)),
    ...under("conditioner.embedders.0.open_clip.model.", shapesOf("open-clip")),
    ...under("conditioner.embedders.3.encoder.", picture),
  };
}

/** As trained, with averages and schedules beside it. */
function sdFile(): Outlines {
  const { unet, vae } = ldmShapes("sd-unet", "sd-vae");
  return {
    ...unet,
    ...renamed(unet, (name) => `model_ema.${name.slice("model.".length).replaceAll(".", "")}`),
    ...under("first_stage_model.", vae),
    ...under("cond_stage_model.transformer.", shapesOf("sd-text")),
    "cond_stage_model.transformer.text_model.embeddings.position_ids": [1, 77],
    ...Object.fromEntries(["betas", "alphas_cumprod", "sqrt_alphas_cumprod"].map((name) => [name, [1000]])),
  };
}

/** With the schedules by which the three releases are told apart. */
function dynamiCrafterFile(size: 256 | 512 | 1024): Outlines {
  const numbers = (length: number, last: number) => ({
    shape: [length],
    data: new Float32Array(length).fill(last),
  });
  const shapes = shapesOf(size === 256 ? "dynamicrafter-256" : "dynamicrafter-512");
  if (size === 256) return { ...shapes, alphas_cumprod: numbers(1000, 0.0047) };
  return { ...shapes, alphas_cumprod: numbers(1000, 0), scale_arr: numbers(1400, size === 512 ? 0.7 : 0.3) };
}

/** AnimateDiff's own names. */
const motionFile = () =>
  renamed(shapesOf("motion"), (name) =>
    name
      .replace(/(motion_modules\.\d\.)/, "$1temporal_transformer.")
      .replace(/\.attn1\./, ".attention_blocks.0.")
      .replace(/\.attn2\./, ".attention_blocks.1.")
      .replace(/\.norm1\./, ".norms.0.")
      .replace(/\.norm2\./, ".norms.1.")
      .replace(/\.norm3\./, ".ff_norm.")
      .replace(/\.pos_embed\./, ".attention_blocks.0.pos_encoder."),
  );

/** A LoRA of Stable Diffusion's self-attention, as kohya's scripts write it. */
function loraFile(): Outlines {
  const layers = Object.entries(shapesOf("sd-unet")).filter(([name]) =>
    /\.attn1\.to_[qkv]\.weight$/.test(name),
  );
  return Object.fromEntries(
    layers.flatMap(([name, shape]) => {
      const [rows = 0, columns = 0] = shape as number[];
      const start = `lora_unet_${name.replace(/\.weight$/, "").replaceAll(".", "_")}`;
      return [
        [`${start}.alpha`, []],
        [`${start}.lora_down.weight`, [8, columns]],
        [`${start}.lora_up.weight`, [rows, 8]],
      ];
    }),
  );
}

const files: Record<string, (path: string) => void> = {
  "v1-5-pruned.safetensors": (path) => writeSparseSafetensors(path, sdFile(), "fp32"),
  "v1-5-pruned.ckpt": (path) => writeSparseCheckpoint(path, sdFile(), { type: "fp32", within: "state_dict" }),
  "svd.safetensors": (path) => writeSparseSafetensors(path, svdFile()),
  "svd_xt.safetensors": (path) => writeSparseSafetensors(path, svdFile()),
  "mm_sd_v15_v2.ckpt": (path) => writeSparseCheckpoint(path, motionFile()),
  "lora.safetensors": (path) => writeSparseSafetensors(path, loraFile()),
  ...Object.fromEntries(
    ([256, 512, 1024] as const).map((size) => [
      `DynamiCrafter_${size}/model.ckpt`,
      (path: string) =>
        writeSparseCheckpoint(path, dynamiCrafterFile(size), { type: "fp32", within: "state_dict" }),
    ]),
  ),
};

const wanOf = (model_type: string, _class_name = "WanModel") => ({ _class_name, model_type, eps: 1e-6 });
const released: Record<string, [transformer: string, config: object]> = {
  "Wan2.1-T2V-1.3B": ["wan-1.3b", { ...wanOf("t2v"), num_heads: 12 }],
  "Wan2.1-T2V-14B": ["wan-14b", { ...wanOf("t2v"), num_heads: 40 }],
  "Wan2.1-I2V-14B-480P": ["wan-i2v-14b", { ...wanOf("i2v"), num_heads: 40 }],
  "Wan2.1-VACE-1.3B": ["vace-1.3b", { ...wanOf("vace", "VaceWanModel"), num_heads: 12 }],
};

const networks: Record<string, string> = {
  "animatediff-motion-adapter-v1-5-2": "motion",
  "sd-controlnet-canny": "controlnet",
};

/** Writes one of the published models into `folder`, by its name there: a folder or a file. Returns its path. */
export function writePublished(folder: string, name: string): string {
  const path = join(folder, name);
  const layout = folders[name];
  const network = networks[name];
  if (layout) writeFolder(path, layout);
  else if (network) writeNetwork(path, network);
  else if (released[name]) writeReleasedWan(path, ...released[name]);
  else files[name]?.(path);
  return path;
}
