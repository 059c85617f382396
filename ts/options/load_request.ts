import type { Loras } from "./lora.js";

/** A file with a word that was learned by textual inversion. */
export interface EmbeddingFile {
  /** Of diffusers, whose folder may be named as well, or of A1111's program. */
  path: string;
  /** What stands for the word in prompts. Default: what the file says, else its name without the ending. */
  token?: string | undefined;
}

/**
 * What `Pipeline.load` takes. Every path may be a name on the Hugging Face hub, `hf:owner/name`, with `/file-or-folder` and
 * `@revision` behind it where they are needed: what isn't in the cache of the hub's files is fetched.
 */
export interface LoadOptions {
  /**
   * The image model, of Stable Diffusion 1.5's kind: a diffusers folder, or a checkpoint in one file; or Stable Video Diffusion, a
   * diffusers folder. Default: the model that ships, all of it but what `motion` and `subject` name.
   */
  base?: string | undefined;
  /**
   * AnimateDiff's motion modules: a diffusers MotionAdapter folder, or a file with diffusers' names or AnimateDiff's own.
   * Without them the pipeline makes stills.
   */
  motion?: string | undefined;
  /**
   * A VideoMaker checkpoint, laid over the two others, or several files that are laid over one another: adapters and
   * what they were trained on. Without it there are no references.
   */
  subject?: string | readonly string[] | undefined;
  /**
   * LoRAs, on top of all others: a path, `{ path, scale, blocks }`, or an array of them, which add up. `setLora` changes them
   * afterwards. Default: none.
   */
  lora?: Loras | undefined;
  /**
   * ControlNets, each of which needs the frames of one of a request's `controls`, and up to one SparseCtrl network, which needs
   * its `keyframes`: diffusers folders, or files with diffusers' names or the original ones. Default: none.
   */
  controls?: string | readonly string[] | undefined;
  /** A VAE instead of the base's own: a diffusers folder, or a file with diffusers' names or the original ones. */
  vae?: string | undefined;
  /**
   * An IP-Adapter, by which a request's `ipImage` is a prompt beside the text: its file, or a folder with one. Without it there
   * are no such pictures.
   */
  ipAdapter?: string | undefined;
  /**
   * The folder of the CLIP image encoder that the adapter was trained with. Default: `image_encoder` beside the adapter's file,
   * where published ones have it.
   */
  imageEncoder?: string | undefined;
  /**
   * The folder of the tokenizer instead of the base's own. Default for a base in one file: CLIP's, which comes with this
   * package.
   */
  tokenizer?: string | undefined;
  /**
   * What the base was trained to predict, "epsilon" or "v_prediction". Default: what its scheduler's config says; a
   * checkpoint in one file can't say it, and is taken to predict epsilon.
   */
  prediction?: "epsilon" | "v_prediction" | undefined;
  /** Words that were learned by textual inversion, for prompts to name: a file, or up to 256. */
  embeddings?: string | EmbeddingFile | readonly (string | EmbeddingFile)[] | undefined;
  /** "auto" (CUDA where there is one, else the CPU), "cpu", "cuda" or "cuda:1". Default: "auto". */
  device?: "auto" | "cpu" | "cuda" | `cuda:${number}` | undefined;
  /**
   * Devices that get a copy of the model each, beside the one on `device`, in its type: what `parallelSteps` evaluates at once is shared
   * out among them all. Default: none.
   */
  parallelDevices?:
    | NonNullable<LoadOptions["device"]>
    | readonly NonNullable<LoadOptions["device"]>[]
    | undefined;
  /**
   * "auto", "fp32", "bf16" or "fp16". Default: "auto", which is bf16 on a GPU of compute capability 8.0 or newer and on
   * a CPU with AMX, fp16 on an older GPU, and fp32 on another CPU.
   */
  dtype?: "auto" | "fp32" | "bf16" | "fp16" | undefined;
  /**
   * What computes on CPUs. "fast": kernels of this package's own, whose 3x3 convolutions are exact to some 1e-5 of a
   * layer's largest value, and where AMX computes them matrix products to 5e-6 and attention to 2e-5. "plain":
   * libtorch's, exact to 2e-6.
   * Default: "fast".
   */
  kernels?: "fast" | "plain" | undefined;
  /**
   * At most so many bytes of the device's memory for weights and requests, by an estimate. A request that would need more
   * is computed in smaller parts, which takes longer, or rejects with ERR_OUT_OF_MEMORY; on a GPU, networks are there only
   * while they compute. Default: as much as there is.
   */
  maxMemory?: number | undefined;
  /**
   * Checks all files and reads no weights: the pipeline has `describe` and `plan`, and makes nothing. Default: false.
   */
  headersOnly?: boolean | undefined;
  /** Ends the loading; the promise then rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Called while files are fetched, then while tensors are read; what it throws, the promise rejects with. */
  onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** How far the loading of a model is. */
export interface LoadProgress {
  /** Tells it from the progress of a sampling. */
  phase: "fetch" | "load";
  /** Bytes fetched or tensors read, of `steps`. */
  step: number;
  /** Bytes or tensors in all; of what is fetched, all weights that weren't in the cache. */
  steps: number;
}
