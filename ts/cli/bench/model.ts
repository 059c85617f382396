import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openAddonFor } from "../../addon.js";
import type { PipelineDescription } from "../../description.js";
import { type CameoError, errorsOf } from "../../errors.js";
import type { NativeLoadOptions, NativePipeline } from "../../native.js";
import { nativeText } from "../../native_text.js";
import type { MotionShape, UNetShape, VaeShape } from "../../operations.js";
import { checkLoadOptions, completeLoadOptions, loadReport } from "../../options/load.js";
import type { LoadOptions } from "../../options/load_options.js";
import { readDescription } from "../../options/sample.js";
import { shippedModel } from "../../shipped_model/index.js";
import { runTask } from "../../task.js";
import { type ModelFiles, oneTensorFile, withModelFiles } from "../model_files.js";

/** The configs that the number of operations follows from. */
export interface ModelShape {
  unet: UNetShape;
  motion: MotionShape | undefined;
  vae: VaeShape;
}

/** A model to measure. */
export interface BenchModel {
  native: NativePipeline;
  description: PipelineDescription;
  shape: ModelShape;
  loadSeconds: number;
}

/** The model of the options; `layout`: one of Stable Diffusion 1.5's layout, with drawn weights. */
export type ModelChoice = { options: LoadOptions } | { layout: DrawnLayout; options: LoadOptions };

/** How a model of drawn weights differs from Stable Diffusion 1.5. */
export interface DrawnLayout {
  /** Of the layers of UNet and motion modules, as a part of the full ones: fewer heads and groups, as wide each. */
  width: number;
  /** How many frames and references together there are positions for. */
  maxFrames: number;
}

/** Whether the package's copy has a model. */
export function modelShips(): boolean {
  try {
    shippedModel();
    return true;
  } catch {
    return false;
  }
}

/** Loads the model; whoever calls closes it. Rejects as `Pipeline.load` does. */
export async function openModel(choice: ModelChoice): Promise<BenchModel> {
  const toError = errorsOf(openModel);
  if (!("layout" in choice))
    return open((await completeLoadOptions(choice.options)).native, choice.options, toError);
  return withModelFiles(stableDiffusionFiles(choice.layout), (folder) => {
    const path = (name: string) => join(folder, name);
    const options = { ...choice.options, base: path("base"), motion: path("motion") };
    const { native } = checkLoadOptions({ ...options, subject: path("subject.safetensors") });
    return open({ ...native, drawMissing: 0 }, choice.options, toError);
  });
}

async function open(
  options: NativeLoadOptions,
  { signal, onProgress }: LoadOptions,
  toError: (error: unknown) => CameoError,
): Promise<BenchModel> {
  const native = new (openAddonFor(options.device).Pipeline)();
  const start = performance.now();
  try {
    await runTask((report) => native.load(nativeText(options), report), {
      signal,
      onProgress: loadReport(onProgress),
      toError,
    });
    const loadSeconds = (performance.now() - start) / 1000;
    const description = readDescription(native.describe());
    return { native, description, shape: await readShape(options), loadSeconds };
  } catch (error) {
    await native.close();
    throw error;
  }
}

async function readShape({ base, motion }: NativeLoadOptions): Promise<ModelShape> {
  const read = async (folder: string) => JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
  return {
    unet: await read(join(base, "unet")),
    motion: motion === undefined ? undefined : await read(motion),
    vae: await read(join(base, "vae")),
  };
}

/** The shape that a drawn model has. */
export function drawnShape(layout: DrawnLayout): ModelShape {
  const files = stableDiffusionFiles(layout);
  const config = (folder: string) => files[`${folder}/config.json`] as object;
  return { unet: config("base/unet"), motion: config("motion"), vae: config("base/vae") };
}

/** Configs alone, and a subject that changes nothing. */
function stableDiffusionFiles({ width, maxFrames }: DrawnLayout): ModelFiles {
  const channels = [320, 640, 1280, 1280].map((full) => full * width);
  const heads = 8 * width;
  return {
    "base/text_encoder/config.json": {
      architectures: ["CLIPTextModel"],
      model_type: "clip_text_model",
      vocab_size: 49408,
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      max_position_embeddings: 77,
      hidden_act: "quick_gelu",
      bos_token_id: 49406,
      eos_token_id: 49407,
    },
    "base/unet/config.json": {
      _class_name: "UNet2DConditionModel",
      block_out_channels: channels,
      cross_attention_dim: 768,
      attention_head_dim: heads,
      norm_num_groups: 32 * width,
      sample_size: 64,
    },
    "base/vae/config.json": {
      _class_name: "AutoencoderKL",
      down_block_types: Array(4).fill("DownEncoderBlock2D"),
      up_block_types: Array(4).fill("UpDecoderBlock2D"),
      block_out_channels: [128, 256, 512, 512],
      layers_per_block: 2,
      sample_size: 512,
    },
    "base/scheduler/scheduler_config.json": { _class_name: "DDIMScheduler", beta_schedule: "linear" },
    "motion/config.json": {
      _class_name: "MotionAdapter",
      block_out_channels: channels,
      motion_num_attention_heads: heads,
      motion_max_seq_length: maxFrames,
      use_motion_mid_block: false,
    },
    "subject.safetensors": oneTensorFile("conv_out.bias", 4),
  };
}
