import type { ModelDefaults } from "./options/option.js";
import type { CompleteSampleRequest } from "./options/sample_options.js";

/** What a pipeline has loaded. */
export interface PipelineDescription {
  /** What kind of model it is. */
  family:
    | "stable-diffusion"
    | "animatediff"
    | "instruct-pix2pix"
    | "inpainting"
    | "svd"
    | "i2vgen-xl"
    | "dynamicrafter"
    | "cogvideox"
    | "latte"
    | "wan";
  /** "cpu" or "cuda:0". */
  device: string;
  /** What it computes in. */
  dtype: "fp32" | "bf16" | "fp16";
  /** Of the image model, with what motion modules and subject put into them. */
  networks: NetworkDescription[];
  /** The LoRAs that are on, in the order in which they were given. */
  loras: LoraDescription[];
  /** Whether it reads a prompt. */
  text: boolean;
  /** What reads it; null where nothing does. */
  textEncoder: "clip" | "t5" | null;
  /** Whether that is CLIP, whose prompts are as long as one likes and have weights, which `longPrompt` and `emphasis` are about. */
  clipText: boolean;
  /**
   * What is done to a prompt before it is read: nothing; what captions of the web need, and lower case, as DeepFloyd's authors have
   * it ("caption"); or characters' names in HTML, curly quotes and white space ("entities").
   */
  promptCleaning: "none" | "caption" | "entities";
  /** Whether it takes a picture, which a request says as `image`. */
  image: boolean;
  /** Whether it makes a film of that, and of nothing else. */
  imageToVideo: boolean;
  /** Whether that goes by `motionBucket`, `noiseAugmentation` and `minGuidanceScale`, too. */
  motionBucket: boolean;
  /** Whether that goes by `frameStride`, too. */
  frameStride: boolean;
  /**
   * Which pixels of `image` and `lastImage` it sees where `fit` is "cover": those of a picture at the video's size, those that a
   * picture has in the video's "shape", or its "own", all of them. Where nothing is said: those of the video's size.
   */
  imageSize?: "shape" | "own";
  /**
   * Which pixels of `reference` it sees: a picture's "own", all of them, which it fits into the video itself, whatever `fit` says. Where
   * nothing is said: those of the video's size.
   */
  referenceSize?: "own";
  /** Whether it makes films by itself, without motion modules beside it. */
  films?: boolean;
  /** Whether it takes films, which a request says as `video`. */
  video: boolean;
  /** Whether it denoises films in windows of their frames, which a request says as `context`. */
  windows: boolean;
  /** Whether its work can be cut short by `cacheInterval` and `tokenMerging`. */
  caching: boolean;
  /** Whether it makes latents of pictures as `referenceLatents` says. */
  pictureLatents: boolean;
  /** Whether a subject model is loaded, which a reference needs. */
  subject: boolean;
  /** Whether that tells several `subjects` apart, each in its region, and takes references with noise. */
  subjectRegions?: boolean;
  /** The motion modules; null where none are loaded. */
  motion: {
    /** How many frames and references together they have positions for. */
    maxFrames: number;
  } | null;
  /**
   * Whether guidance goes by pictures, too, as far as `imageGuidanceScale` says: by the picture or film that it edits, or by its
   * references.
   */
  imageGuidance: boolean;
  /** Whether it edits the picture or the film that a request gives it, by an `instruction`. */
  instruction?: boolean;
  /** Whether its guidance can go by a cosine over the timesteps, which a request says as `dynamicGuidance`. */
  dynamicGuidance?: boolean;
  /** Whether references, a film and a mask count as far as a request's `conditioningScale` says. */
  conditioning?: boolean;
  /** Whether it does without a reference, too. */
  referencesOptional?: boolean;
  /** Whether it starts from a picture or a film, as far as `strength` says. */
  strength: boolean;
  /** Whether it paints a part of a picture or a film anew, which a request says as `mask` or `expand`. */
  mask: boolean;
  /** Whether an adapter is loaded that reads pictures as a prompt, which `ipImage` needs. */
  imagePrompt: boolean;
  /** How many ControlNets are loaded, each of which needs frames that a request says as `controls`. */
  controls: number;
  /** Whether a SparseCtrl network is, which needs pictures that a request says as `keyframes`. */
  keyframes: boolean;
  /** Whether it makes a film up to a given last frame. */
  lastImage: boolean;
  /** What a request has to have: for "image", `image` or `video`, for "mask", `mask` or `expand`. */
  required: ("image" | "mask")[];
  /** The sampler that a request gets where it names none: the model's own. */
  scheduler: string;
  /** How many pixels, each way, one latent stands for: widths and heights are multiples of it. */
  latentScale: number;
  /** Width and height that a request takes where it names none. */
  defaultSize: [width: number, height: number];
  /** The words that prompts know by textual inversion, in the order in which they were loaded. */
  embeddings: EmbeddingDescription[];
  /** How many tokens of a prompt are read at once, start and end included: of CLIP a chunk of it, else all of it. */
  textPositions: number;
  /** How many tokens the text encoder has learned. */
  textVocabulary: number;
  /** What doesn't go together in what was loaded, as where a subject was trained on another base: a line each. */
  warnings: string[];
  /** What this model's requests take where they say nothing, where that isn't what others do. */
  defaults?: ModelDefaults;
  /**
   * The options that a request may say something with, each with its default here; null for one that has none, or is drawn
   * anew for each request.
   */
  options: { readonly [Name in keyof CompleteSampleRequest]?: CompleteSampleRequest[Name] | null };
  /** The folder that the tokenizer was read from; null: CLIP's own, which comes with this package. */
  tokenizer: string | null;
}

/** A word that was learned by textual inversion. */
export interface EmbeddingDescription {
  /** What stands for it in a prompt. */
  token: string;
  /** How many tokens it takes there, each with a vector. */
  vectors: number;
  /** What it was read from. */
  file: string;
}

/** A network and the files that it was read from. */
export interface NetworkDescription {
  /** As the base folder calls it; of `controls`, the first is "control.0". */
  name:
    | "unet"
    | "transformer"
    | "vace"
    | "image_projection"
    | "vae"
    | "text_encoder"
    | "image_encoder"
    | "ip_adapter"
    | `control.${number}`;
  /** How many numbers it has learned. */
  parameters: number;
  /** In the order in which they were laid over one another. */
  files: WeightFileDescription[];
}

/** A LoRA that is on. */
export interface LoraDescription {
  /** As it was given. */
  path: string;
  /** As `WeightFileDescription` has it. */
  hub?: string;
  /** As it was given: what all that it adds is multiplied by. */
  scale: number;
  /** As they were given: the scales of parts of the model, which multiply `scale`. */
  blocks: Record<string, number>;
  /** Whose names its tensors have. */
  names: "kohya" | "peft" | "diffusers";
  /** "safetensors", "torch zip" ... */
  format: string;
  /** How many tensors it has, all of which are used. */
  total: number;
  /** How many layers it has something for, by network: `{ unet: 192, text_encoder: 72 }`. */
  layers: Partial<Record<NetworkDescription["name"], number>>;
  /** How many tensors of each type: `{ fp16: 792 }`. */
  dtypes: Record<string, number>;
}

/** A file, and what became of its tensors: `total` is the sum of the three that follow. */
export interface WeightFileDescription {
  /** As it was found, by way of the folder that was named. */
  path: string;
  /** Of one of the Hugging Face hub: its name there, with the commit, as in "hf:owner/name/file@0123...". */
  hub?: string;
  /** "safetensors", "torch zip" ... */
  format: string;
  /** How many tensors it has. */
  total: number;
  /** Tensors that the network took. */
  used: number;
  /** Tensors that a later file replaced. */
  overridden: number;
  /** Tensors that are known and not needed, such as position ids. */
  ignored: number;
  /** How many tensors of each type: `{ fp16: 686 }`. */
  dtypes: Record<string, number>;
}
