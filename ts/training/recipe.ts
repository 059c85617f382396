import type { SampleRequest } from "../options/sample_options.js";

/** What a training run does: read from a JSON file with comments, or given as an object. */
export interface Recipe {
  /**
   * "image": a text-to-image model, on stills. "motion": motion modules on a frozen image model, on clips.
   * "subject": VideoMaker's reference-aware model, on clips with references. "vae": the autoencoder whose latents all
   * of them work in, on stills. "svd": Stable Video Diffusion, on clips, or on stills as clips of one frame. "cogvideox" and
   * "wan": these, on clips with captions. "phantom": Wan, on clips with captions and references, as Phantom takes its
   * subjects. "film-vae": Wan's autoencoder, on clips. "distillation": a LoRA with which CogVideoX makes a film in one step, from its own
   * score, on captions alone.
   */
  kind:
    | "image"
    | "motion"
    | "subject"
    | "vae"
    | "svd"
    | "cogvideox"
    | "wan"
    | "phantom"
    | "film-vae"
    | "distillation";
  /** The networks to start from. */
  model: ModelRecipe;
  /** What is learned from. */
  data: DataRecipe;
  /** What is minimised. */
  objective?: ObjectiveRecipe | undefined;
  /**
   * Which parameters are trained: "attn1" (spatial self-attention), "motion" (motion modules), "text_encoder",
   * "attention" (the matrices of all attentions: to_q, to_k, to_v, to_out.0), "all" (of the UNet, of the transformer or of
   * the VAE), or globs over parameter names such as "up_blocks.*.attn2.*". Default: image and vae: all; motion: motion;
   * subject: attn1 and motion; svd, cogvideox, wan and phantom: all, with `lora` attention; film-vae: all.
   */
  trained?: string[] | undefined;
  /**
   * Trains low-rank adapters on the matrices among `trained` instead of them. A subject's are a file of a few MB, to be
   * loaded after `model.subject`; those of "svd", "cogvideox", "wan", "phantom" and "distillation", which has nothing
   * else, a LoRA, `lora.safetensors`; those of other kinds are merged. Not for "vae" and "film-vae".
   */
  lora?:
    | {
        /** Of each adapter: its matrices are (rank, in) and (out, rank). */
        rank: number;
        /** The adapters' product is scaled by alpha / rank. Default: the rank. */
        alpha?: number | undefined;
      }
    | undefined;
  /** AdamW's settings. */
  optimizer?: OptimizerRecipe | undefined;
  /** Optimiser steps in all. */
  steps: number;
  /** Samples in each micro-batch of each process. Default: 1. */
  batch?: number | undefined;
  /** Micro-batches to an optimiser step. Default: 1. */
  accumulation?: number | undefined;
  /** Decay of the trained parameters' moving average, 0 to 1, such as 0.9999. Default: none is kept. */
  ema?: number | undefined;
  /** What is computed in: "fp32" (default) or "bf16", with fp32 master weights of what is trained. */
  dtype?: "fp32" | "bf16" | undefined;
  /** What the model's files store what was trained in: "fp32" (default), "fp16" or "bf16". */
  modelDtype?: "fp32" | "fp16" | "bf16" | undefined;
  /** "auto" (CUDA where there is one, else the CPU; the default), "cpu", "cuda" or "cuda:1". */
  device?: "auto" | "cpu" | "cuda" | `cuda:${number}` | undefined;
  /** Recomputes each block's activations in the backward pass: less memory, about a third more time. Not for "vae" and "film-vae". */
  gradientCheckpointing?: boolean | undefined;
  /** Of every random number in the run. Default: 0. */
  seed?: number | undefined;
  /** What a run is resumed from. */
  checkpoints?:
    | {
        /** Steps from one to the next. Default: 500. */
        every?: number | undefined;
        /** How many of the newest are kept. Default: 3. */
        keep?: number | undefined;
      }
    | undefined;
  /** What is sampled on the way, after a checkpoint. Not for "vae" and "film-vae". */
  validation?: ValidationRecipe | undefined;
  /** For runs of several processes. */
  distributed?: DistributedRecipe | undefined;
  /** The run's folder, made where it is not there: checkpoints, metrics, validation videos, the model. */
  output: string;
}

/** The networks that a run starts from: each a path, or a name on the Hugging Face hub as `Pipeline.load` takes it. */
export interface ModelRecipe {
  /**
   * A diffusers folder of Stable Diffusion 1.5's kind; for "svd", "cogvideox", "wan", "phantom", "film-vae" and "distillation" one of these
   * models'. A network whose folder has a config but no weights starts from drawn ones, by `seed`; those of a film model, the text encoder and
   * the VAE too, are written with the result. Only "vae" draws Stable Diffusion's VAE.
   */
  base: string;
  /** A diffusers MotionAdapter folder; with a config and no weights, new motion modules are drawn. Only for "motion" and "subject". */
  motion?: string | undefined;
  /** Only for "subject" and "phantom": weights to start from, laid over the others; Phantom's are a whole transformer. */
  subject?: string | undefined;
  /**
   * Only for "subject": whether the references attend to the prompt, too; kept in the model's file. Default: what
   * `subject` says, or true.
   */
  referenceCrossAttention?: boolean | undefined;
  /**
   * Only for "subject": how far the noise of a frame is that of the one before it (PYoCo's progressive noise, arXiv
   * 2305.10474), from 0 to less than 1; kept in the model's file, and sampled with. Default: what `subject` says, or 0.
   */
  noiseCorrelation?: number | undefined;
}

/** The clips, and what of them is a sample. */
export interface DataRecipe {
  /** A folder of clips, a folder of class folders, or a list: .csv (WebVid's or Kinetics' columns) or .jsonl. */
  source: string;
  /** How `source` is read. Default: "auto", by what it looks like. */
  layout?: "auto" | "folder" | "classes" | "list" | undefined;
  /** What a list's paths are relative to. Default: the list's folder. */
  root?: string | undefined;
  /** For class folders: the caption, with {class} in it. Default: "a video of {class}". */
  caption?: string | undefined;
  /** A folder with each clip's masks under the clip's own name. Default: none but those that a list names. */
  masks?: string | undefined;
  /** Frames of a clip. Default: 16; for "image" and "vae" always 1. */
  frames?: number | undefined;
  /** Every how many frames of the file one is taken; less where a clip is too short. Default: 8. */
  stride?: number | undefined;
  /** [width, height], or several of them: each clip goes to the one that is nearest to its shape. */
  size: [number, number] | [number, number][];
  /** "crop" (default) fills the size and cuts off what is over; "pad" shows all on white. */
  fit?: "crop" | "pad" | undefined;
  /** Where a crop lies: "random" (default) or "center". */
  cropPosition?: "random" | "center" | undefined;
  /** Where a clip starts: "random" (default) or "first" frame. */
  start?: "random" | "first" | undefined;
  /** The pictures of the subject that a sample has; for "subject" and "phantom" alone. */
  references?: ReferenceRecipe | undefined;
  /** Worker processes that decode and tokenise. Default: 2. */
  workers?: number | undefined;
  /** How many samples may be ready ahead of the trainer. Default: 4 micro-batches. */
  prefetch?: number | undefined;
  /**
   * A folder where clips' latents are kept once they were encoded, and what T5 says of captions: it then stays in its file.
   * Random choices are drawn once for each of `variants`. Only for "image", "motion", "subject", "wan" and "phantom".
   */
  cache?:
    | {
        /** Made where it is not there; several runs may share it. */
        folder: string;
        /** How often random choices are drawn for each clip. Default: 1. */
        variants?: number | undefined;
      }
    | undefined;
}

/** How the references of a sample are drawn: subject highlight preprocessing (arXiv 2412.19645, section 3.4). */
export interface ReferenceRecipe {
  /** References to a sample. Default: 1. */
  count?: number | undefined;
  /** They are drawn from so many frames, spread evenly over the whole clip. Default: 4. */
  candidates?: number | undefined;
  /** Sets what is outside the subject's mask to white, where there is a mask. Default: true. */
  highlight?: boolean | undefined;
  /** Probability of a horizontal flip. Default: 0.5. */
  flip?: number | undefined;
  /** A random affine map: at most so many degrees, shift (of the size) and scale. `false`: none. */
  affine?:
    | false
    | {
        /** Turned by at most so many. Default: 10. */
        degrees?: number | undefined;
        /** Shifted by at most so much of the width and the height. Default: 0.1. */
        translate?: number | undefined;
        /** From and to. Default: [0.9, 1.1]. */
        scale?: [number, number] | undefined;
      }
    | undefined;
  /**
   * Clips of several subjects, whose masks the list names in a column `subjects`: each has references of its own, and
   * a region, the box around it in the sample's frames, which alone listens to them. Default: one subject, without a region.
   */
  subjects?:
    | {
        /** How many every clip has. */
        count: number;
        /** The box is grown on each side by a random share of the picture, up to this. Default: 0.25. */
        grow?: number | undefined;
      }
    | undefined;
}

/** What is minimised. Which fields a kind has is said where they differ. */
export interface ObjectiveRecipe {
  /** Only for "image": what is predicted. Default, and for others: what the base model's scheduler says. */
  prediction?: "epsilon" | "v" | undefined;
  /**
   * Only for "subject": the references' noise is that of timestep floor(alpha * t). Default: 0.01. Only for "phantom", too: their
   * sigma is alpha times the film's. Default: 0, no noise, as Phantom was trained.
   */
  alpha?: number | undefined;
  /** Only for "subject" and "phantom": weight of the references' loss. Default: 0.1; for "phantom" 0. */
  beta?: number | undefined;
  /** Probability that a sample loses its prompt and its references; for "svd", its picture. Not for "vae", "film-vae" and "distillation". Default: 0.1. */
  dropCondition?: number | undefined;
  /** Only for "phantom": probability that a sample loses its prompt alone, as guidance has a branch of references without it. Default: 0.1. */
  dropPrompt?: number | undefined;
  /** Min-SNR weighting (arXiv 2303.09556); small values raise the noisy steps, which settle motion. Default: 0, none. */
  minSnrGamma?: number | undefined;
  /** Draws noisier timesteps more often, s t / (1 + (s - 1) t) for t of 0 to 1 (arXiv 2403.03206, eq. 23). Default: 1, none; for "wan" and "phantom" 3. */
  timestepShift?: number | undefined;
  /** Only for "wan" and "phantom": how t is drawn before its shift, as often everywhere or more often in the middle. Default: "logit-normal". */
  timesteps?: "logit-normal" | "uniform" | undefined;
  /** Only for "distillation": how far the teacher is guided by the caption. Default: 6. */
  guidanceScale?: number | undefined;
  /**
   * Only for "svd": the noise's deviation has a logarithm that is normally distributed, [mean, deviation] (EDM, arXiv
   * 2206.00364). A higher mean draws noisier films. Default: [0.7, 1.6].
   */
  logSigma?: [number, number] | undefined;
  /**
   * Only for "svd" and "cogvideox": the same of the noise that is put onto the picture that a film is made of, before it is
   * encoded. Default: [-3, 0.5].
   */
  logAugmentation?: [number, number] | undefined;
  /** Only for "svd": the clips' frames in a second, after `data.stride`, which the network is told. Default: 7. */
  fps?: number | undefined;
  /**
   * Only for "svd": how much moves in the clips, 0 to 1023, which the network is told; of a clip whose list has a number in the
   * column `motion_bucket`, that. Default: 127.
   */
  motionBucket?: number | undefined;
  /** Only for "vae" and "film-vae": weight of the latents' divergence from a unit normal. Default: 1e-6. */
  kl?: number | undefined;
  /** Only for "vae" and "film-vae": weight of the loss of finite differences, which keeps edges sharp. Default: 1. */
  detail?: number | undefined;
}

/** AdamW, its learning rate and the clipping of gradients. */
export interface OptimizerRecipe {
  /** After the warm-up. Default: 1e-5. */
  learningRate?: number | undefined;
  /** Steps over which the learning rate rises from 0. Default: 0. */
  warmup?: number | undefined;
  /** After the warm-up: "constant" (default) or "cosine", down to `finalLearningRate` after the last step. */
  schedule?: "constant" | "cosine" | undefined;
  /** Where a cosine ends. Default: 0. */
  finalLearningRate?: number | undefined;
  /** Decays of the two moments. Default: [0.9, 0.999]. */
  betas?: [number, number] | undefined;
  /** Default: 1e-8. */
  epsilon?: number | undefined;
  /** Default: 0.01. */
  weightDecay?: number | undefined;
  /** Gradients are clipped to this global norm. Default: 1; 0: they aren't. */
  maxGradientNorm?: number | undefined;
}

/** Samples that are made while training. */
export interface ValidationRecipe {
  /** Every so many steps. */
  every: number;
  /** What is sampled; each with the options of `Pipeline.sample`. */
  requests: Omit<SampleRequest, "signal" | "onProgress" | "preview" | "saveLatents">[];
  /** Default: "mp4"; for "image": "png". */
  format?: "mp4" | "webm" | "gif" | "webp" | "apng" | "png" | undefined;
}

/** How several processes train together. */
export interface DistributedRecipe {
  /** Spreads the optimiser's state over the processes. Default: false. */
  shardOptimizer?: boolean | undefined;
  /**
   * After so many seconds without an answer from the others a process gives up. While rank 0 writes a checkpoint or makes
   * validation videos, the others wait as long as its process lives. Default: 600.
   */
  timeoutSeconds?: number | undefined;
}
