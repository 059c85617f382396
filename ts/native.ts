import type { LossParts } from "./training/events.js";

/** The addon's surface, in one place. Nothing outside this folder sees these types. */

/** A picture as pixels. */
export interface RgbImage {
  /** 8-bit RGB, row by row, `3 * width * height` bytes. */
  data: Uint8Array;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
}

/** Added to the networks' weights, times the scale and that of the block. */
export interface NativeLora {
  path: string;
  scale: number;
  blocks?: Record<string, number>;
}

export interface NativeLoadOptions {
  base: string;
  motion?: string;
  /** Laid over the two others, one after the other. */
  subject?: string[];
  controls?: string[];
  vae?: string;
  ipAdapter?: string;
  imageEncoder?: string;
  tokenizer?: string;
  prediction?: string;
  /** On top of all others. */
  lora?: NativeLora[];
  /** Files with words learned by textual inversion, and the tokens that stand for them, where not as the files say. */
  embeddings?: { path: string; token?: string }[];
  device: string;
  parallelDevices?: string[];
  dtype: string;
  kernels: string;
  /** Bytes of the device's memory for weights and a request. */
  maxMemory?: number;
  /** The files are checked, and no weights are read: all that can be asked of it is a plan. */
  headersOnly?: boolean;
  /** Draws the weights of networks whose folders have a config and none, by this seed. */
  drawMissing?: number;
}

/** As the request's prompts, each of chunks of its own number. */
export interface NativePromptTokens {
  ids: Int32Array;
  weights?: Float32Array | undefined;
}

/** A request: `nativeOptions`, and beside them what has no place in a text. */
export interface NativeSampleRequest {
  /** JSON. */
  options: string;
  /**
   * Token ids with start, end and padding; of CLIP as many as the text encoder has positions, for each chunk; of T5 as many as
   * the model reads.
   */
  promptIds: Int32Array;
  /** How many of them, from the first on, are no padding; undefined for CLIP, which knows no difference. */
  promptCount?: number | undefined;
  /** Of each prompt, where there are several one after another, the frame at which it holds; undefined: [0]. */
  promptFrames?: Int32Array | undefined;
  /** Whether frames come with the progress as they are decoded; the task's value is then empty. */
  handOutFrames?: boolean | undefined;
  /** Of as many chunks as each prompt. */
  negativeIds: Int32Array;
  negativeCount?: number | undefined;
  /** What the tokens' states are multiplied by; undefined where that is 1 throughout. */
  promptWeights?: Float32Array | undefined;
  negativeWeights?: Float32Array | undefined;
  /** Of each subject, where some have words; undefined for those that have none. */
  words?: readonly (NativePromptTokens | undefined)[] | undefined;
  /** By their options' names, already fitted to `width` x `height`. */
  pictures: Record<string, RgbImage[]>;
}

export interface NativeProgress {
  phase: "load" | "encode" | "denoise" | "decode";
  /** Units done of `steps` in this phase: tensors, images, network evaluations, frames. */
  step: number;
  steps: number;
  /** A small picture of the middle frame as predicted so far; only while denoising, only where asked for. */
  preview?: RgbImage;
  /** The frame that is done, of a request that has them handed out; few come before `taken` is called for each. */
  frame?: RgbImage;
  taken?: () => void;
}

export interface NativeTask<T> {
  /** Rejects with an Error whose `code` is one of `ErrorCode`. */
  promise: Promise<T>;
  /** The promise rejects with ERR_ABORTED within one network evaluation; harmless after the end. */
  abort(): void;
}

export type OnNativeProgress = (progress: NativeProgress) => void;

/** One pipeline: a thread of its own that runs its tasks one after another. */
export interface NativePipeline {
  /** JSON of `NativeLoadOptions`. */
  load(options: string, onProgress: OnNativeProgress): NativeTask<undefined>;
  /** RGB frames, (frames, height, width, 3). */
  sample(request: NativeSampleRequest, onProgress: OnNativeProgress): NativeTask<Uint8Array<ArrayBuffer>>;
  /** JSON of `MemoryPlan`; `place`: JSON of `PlanOptions`. */
  plan(request: NativeSampleRequest, place: string): NativeTask<string>;
  /** Puts these LoRAs in the place of those that are on: JSON of `{ lora: NativeLora[] }`. */
  setLora(options: string): NativeTask<undefined>;
  /** What the VAE makes of a picture whose sides are multiples of its scale. */
  reconstruct(image: RgbImage): NativeTask<RgbImage>;
  /** JSON of `PipelineDescription`. */
  describe(): string;
  /** Aborts what is running or queued; the memory is back when it resolves. */
  close(): Promise<undefined>;
}

/** A sample as the trainer takes it: RGB pixels, or latents that were kept. */
export interface NativeTrainingSample {
  position: number;
  ids: Int32Array;
  width: number;
  height: number;
  /** (F, H, W, 3); undefined with `latents`. */
  frames?: Uint8Array | undefined;
  /** (R, H, W, 3) */
  references?: Uint8Array | undefined;
  referenceCount: number;
  /** Of each of several subjects, which have as many references each: left, top, right, bottom, 0 to 1. */
  regions?: readonly (readonly [number, number, number, number])[] | undefined;
  /** Of the clip, 0 to 1023; undefined: the objective's. */
  motionBucket?: number | undefined;
  /** Where what T5 says of the caption is kept, or written once it is known. */
  statesPath?: string | undefined;
  /** (F + R, C, h, w) each, or with a VAE over time (F' + R, C, h, w). */
  latents?: { mean: Float32Array; logVariance: Float32Array; shape: readonly number[] } | undefined;
  /** Where the latents are written once they are encoded. */
  cachePath?: string | undefined;
}

export interface NativeStepInput {
  /** Micro-batches of samples. */
  batches: NativeTrainingSample[][];
  /** Token ids of the empty prompt, for samples that lose their condition. */
  emptyIds: Int32Array;
  /** As `statesPath`, of the empty prompt. */
  emptyStatesPath?: string | undefined;
  /** Asks all processes to stop after this step. */
  stop: boolean;
}

export interface NativeStepResult {
  /** How many steps were done, this one included. */
  step: number;
  /** Means over the micro-batches and the processes. */
  loss: number;
  lossParts: LossParts;
  /** Before clipping. */
  gradientNorm: number;
  learningRate: number;
  /** The gradient was not finite and nothing was moved. */
  skipped: boolean;
  /** One of the processes was asked to stop. */
  stop: boolean;
}

/** One training run's networks and optimiser, on a thread of their own. In a run of several processes all calls are collective. */
export interface NativeTrainer {
  /** JSON of a complete recipe, with `membership` among several processes. */
  load(recipe: string, onProgress: OnNativeProgress): NativeTask<undefined>;
  /** One step of the optimiser; aborted, it has not happened. */
  step(input: NativeStepInput): NativeTask<NativeStepResult>;
  /** Writes a checkpoint with `run`, a text, in its metadata. */
  save(path: string, run: string): NativeTask<undefined>;
  resume(path: string): NativeTask<undefined>;
  /**
   * Around what rank 0 does alone: the others wait in `endSolo`, as long as rank 0's process says that it lives. One
   * process alone need not call them.
   */
  beginSolo(): NativeTask<undefined>;
  endSolo(): NativeTask<undefined>;
  sample(request: NativeSampleRequest, onProgress: OnNativeProgress): NativeTask<Uint8Array<ArrayBuffer>>;
  /**
   * Writes one of the files that the recipe's objective exports, such as "subject" or "unet", or a whole network that was drawn by
   * its name, as safetensors; JSON of the fields of its network's config.json that training has changed.
   */
  exportWeights(path: string, part: string, dtype: string): NativeTask<string>;
  /** JSON of `TrainerDescription`. */
  describe(): string;
  /** Aborts what is running or queued; the memory is back when it resolves. */
  close(): Promise<undefined>;
}

export interface NativeAddon {
  Pipeline: new () => NativePipeline;
  Trainer: new () => NativeTrainer;
  /** JSON of `Inspection`: what a weight file or folder is; runs nothing in it. */
  inspect(path: string): Promise<string>;
  /** JSON of `{input, output, target}` in, JSON of `Converted` out. */
  convert(options: string, onProgress: OnNativeProgress): NativeTask<string>;
  /** JSON of `RuntimeDescription`: libtorch's version and the devices it sees. */
  runtime(): Promise<string>;
}
