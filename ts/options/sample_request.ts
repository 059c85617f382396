import type { FilmSource, Fit, ImageSource } from "../media/index.js";
import type { RgbImage } from "../native.js";
import type { ImagePromptScales } from "./image_prompt.js";
import type { SamplerName } from "./sampler_names.js";
import type { Subject } from "./subjects.js";

export type { Box, MovingBox, Subject, SubjectStrength } from "./subjects.js";

/** What a scheduler_config.json has; `_class_name` says whose it is. */
export type SchedulerConfig = Readonly<Record<string, unknown>>;

/** A sampler's name, the path of a scheduler_config.json, or what is in one. */
export type Scheduler = SamplerName | (string & {}) | SchedulerConfig;

/** The frames that a ControlNet goes by, and how strongly. */
export interface Control {
  /** A film of as many frames as the video has, of what the network was trained on: depth, poses, edges ... */
  readonly frames: FilmSource;
  /** How strongly it holds, 0 to 10. Default: 1. */
  readonly scale?: number | undefined;
  /** From which part of the steps that are done, 0 to 1. Default: 0. */
  readonly from?: number | undefined;
  /** To which. Default: 1. */
  readonly to?: number | undefined;
  /**
   * Let the network guess what it shows: it goes with the prompt alone, not with the negative one, and with less in its outer
   * layers. Default: false.
   */
  readonly guess?: boolean | undefined;
  /** What is computed of the frames first: "canny", their edges. Default: nothing. */
  readonly compute?: "canny" | undefined;
  /** Of "canny": edges go on above this slope, in grey levels. Default: 100. */
  readonly low?: number | undefined;
  /** Of "canny": edges begin above this slope. Default: 200. */
  readonly high?: number | undefined;
}

/** Texts by the frames at which they hold, the first at 0; in between it goes from one to the next. */
export type PromptsOverTime = Readonly<Record<number, string>>;

/** How a film is denoised in windows of its frames. */
export interface ContextWindows {
  /** In frames, 1 to 1024. */
  readonly length: number;
  /** In frames, less than `length`. Default: a quarter of `length`; with FreeNoise all but 4 frames. */
  readonly overlap?: number | undefined;
  /**
   * "standard": the same windows in every step, one after the other. "uniform": shifted from step to step. "looped": shifted, and
   * at the end of the film they go on with its first frame. Default: "standard".
   */
  readonly schedule?: "standard" | "uniform" | "looped" | undefined;
  /**
   * Of "uniform" and "looped": how many kinds of windows there are, of every frame, of every 2nd, of every 4th ..., 1 to 10.
   * Default: 1.
   */
  readonly stride?: number | undefined;
  /**
   * How much a window's frames count where windows overlap: all the same, the more the further they are from its ends ("pyramid",
   * or "relative" in steeper steps), or its second half almost alone ("sawtooth"). Default: "pyramid".
   */
  readonly weights?: "flat" | "pyramid" | "relative" | "sawtooth" | undefined;
}

/** How a film is sampled again and again from its own slow motions. */
export interface FreeInit {
  /** How often it is sampled, 1 to 100. Default: 5. */
  readonly iterations?: number | undefined;
  /** The filter by which its slow motions are told from the rest. Default: "gaussian". */
  readonly method?: "gaussian" | "butterworth" | "ideal" | undefined;
  /** Where it ends, as a part of the highest frequency of a picture, 0 to 1. Default: 0.25. */
  readonly spatialStop?: number | undefined;
  /** The same over time. Default: 0.25. */
  readonly temporalStop?: number | undefined;
  /** Of "butterworth": how steep it is, 1 to 100. Default: 4. */
  readonly order?: number | undefined;
}

/** What `pipe.sample` takes. */
export interface SampleRequest {
  /** What the video shows; or what it shows at some of its frames: `{ 0: "...", 24: "..." }`. */
  prompt: string | PromptsOverTime;
  /** One picture of the subject, or several of the same one. */
  reference?: ImageSource | readonly ImageSource[] | undefined;
  /**
   * Several subjects, each with pictures and where it is; instead of `reference`. Their references go to the network one
   * after another.
   */
  subjects?: readonly Subject[] | undefined;
  /** What it should not show. Default: a list of common faults with a subject, nothing without one. */
  negativePrompt?: string | undefined;
  /**
   * How prompts say which words count for more or less. "a1111": `(words)`, `(words:1.3)`, `[words]`, and BREAK for a new
   * chunk. "none": brackets are text. Default: "a1111".
   */
  emphasis?: "a1111" | "none" | undefined;
  /**
   * A prompt of more tokens than the text encoder reads at once, as a rule 75: in "chunks" of so many, or "cut" after the
   * first ones, with a warning. The default negative prompt is cut. Default: "chunks".
   */
  longPrompt?: "chunks" | "cut" | undefined;
  /**
   * How many frames. Default: 16 with motion modules; without them it can only be 1. Models that make films of pictures have their own:
   * 14, 16 or 25.
   */
  frames?: number | undefined;
  /** In pixels, a multiple of the model's `latentScale`, as a rule 8. Default: the model's own. */
  width?: number | undefined;
  /** As for `width`. */
  height?: number | undefined;
  /**
   * Frames a second, of the file that is saved; models that make films of pictures are told it, too, and have a default of their own.
   * Default: 8.
   */
  fps?: number | undefined;
  /** Denoising steps. Default: 30. Of Stable Video Diffusion 25, of I2VGen-XL and DynamiCrafter 50. */
  steps?: number | undefined;
  /**
   * How strongly prompt and reference hold; 1 is no guidance. Default: 8. Of I2VGen-XL 9, of DynamiCrafter 7.5. Of Stable Video
   * Diffusion, how strongly the picture holds at the last frame, by default 3.
   */
  guidanceScale?: number | undefined;
  /**
   * The part of the schedule that is guided, from 0 (its first step) to 1 (its end); the other steps cost half as much.
   * Default: [0, 1].
   */
  guidanceRange?: readonly [number, number] | undefined;
  /**
   * Compute the network's deep features every so many steps and use them again in between (arXiv 2312.00858): faster, less
   * exact. Default: 1, every step.
   */
  cacheInterval?: number | undefined;
  /** How many of the outermost layers run in every step where `cacheInterval` is above 1. Default: 1. */
  cacheLayers?: number | undefined;
  /**
   * The share of tokens that are joined with others like them in the self-attention of the outermost level
   * (arXiv 2303.17604), 0 to 0.75: faster for large frames, less exact. Default: 0.
   */
  tokenMerging?: number | undefined;
  /**
   * Denoise windows of `length` frames, each of which shares `overlap` frames with the next and sees all references, and blend them
   * where they overlap: for videos longer than the motion modules reach, or than Wan's models were trained with, whose windows
   * have a multiple of 4 frames and 1 more. Default: all frames at once.
   */
  context?: ContextWindows | undefined;
  /** Make a film whose last frame leads to its first one. Default: false. */
  loop?: boolean | undefined;
  /**
   * What the frames begin as: "independent" noise; or by FreeNoise (arXiv 2310.15169), whose windows are within the motion
   * modules, noise that is shuffled from window to window ("freenoise"), repeated, or random all the same. Without `context` its
   * windows are 16 frames long. Default: "independent".
   */
  noise?: "independent" | "freenoise" | "freenoise-repeat" | "freenoise-random" | undefined;
  /**
   * FreeInit (arXiv 2312.07537): sample the film several times, each time from noise with the slow motions of the one before:
   * steadier, and as many times the work. Default: false.
   */
  freeInit?: boolean | FreeInit | undefined;
  /** How much the motion modules move: 0 is stills, above 1 is more than they learned. Default: 1. */
  motionScale?: number | undefined;
  /** How many of the text encoder's last layers the prompt is spared, as some base models want it. Default: 0, of I2VGen-XL 1. */
  clipSkip?: number | undefined;
  /**
   * The sampler: a name, or a diffusers scheduler config, as the path of its file or as what is in it. A config stands in place of
   * the model's own, and each of its fields is heeded, or refused by name. Default: the model's own.
   */
  scheduler?: Scheduler | undefined;
  /**
   * How much fresh noise "ddim" adds to each step, 0 to 1; of "tcd", its gamma. Default: the sampler's own, 0 and 0.3;
   * DynamiCrafter's is 1.
   */
  eta?: number | undefined;
  /** How noise levels are spread, of samplers that work with sigmas. Default: as the timesteps are. */
  sigmas?: "karras" | "exponential" | "beta" | undefined;
  /** Which of the trained timesteps are taken. Default: as the model's own config has it. */
  spacing?: "linspace" | "leading" | "trailing" | undefined;
  /** Of flow matching: above 1, more of the steps are spent on much noise. Default: the config's. */
  shift?: number | undefined;
  /** Rescale the noise schedule so that its last timestep is noise alone (arXiv 2305.08891). Default: the config's. */
  zeroTerminalSnr?: boolean | undefined;
  /**
   * How far guidance's result is brought back to the deviation that it has without (arXiv 2305.08891, section 3.4), 0 to 1.
   * Default: 0.
   */
  guidanceRescale?: number | undefined;
  /**
   * Evaluate the model at so many points of the way at once, and again until they settle (ParaDiGMS, arXiv 2305.16317): fewer rounds,
   * more evaluations. Default: 1, one after another.
   */
  parallelSteps?: number | undefined;
  /**
   * How far a point may move before it is evaluated again, in deviations of the noise that a stochastic step adds there, 0 to 10.
   * With 0 the film is that of one step after another, to the bit. Default: 0.01.
   */
  parallelTolerance?: number | undefined;
  /**
   * Of CogVideoX: guidance goes up and down between none and `guidanceScale` by a cosine over the timesteps, as diffusers'
   * `use_dynamic_cfg` has it. Default: false.
   */
  dynamicGuidance?: boolean | undefined;
  /** In place of the prompt, of a model that edits (InstructPix2Pix): what to change in `image` or `video`. */
  instruction?: string | undefined;
  /**
   * The picture that a still starts from, that is edited, or of which a part is painted anew. Of a film it is the first frame, and
   * with a `mask` or `expand` every frame. Stable Video Diffusion, I2VGen-XL and
   * DynamiCrafter make a film of it.
   */
  image?: ImageSource | undefined;
  /** Of Stable Video Diffusion: how strongly the picture holds at the first frame, 0 to 100; `guidanceScale` at the last. Default: 1. */
  minGuidanceScale?: number | undefined;
  /** Of Stable Video Diffusion: how much moves, 0 to 1023; it learned 1 to 255. Default: 127. */
  motionBucket?: number | undefined;
  /** Of Stable Video Diffusion: the deviation of the noise that is put on the picture, 0 to 10; more lets more move. Default: 0.02. */
  noiseAugmentation?: number | undefined;
  /** Of DynamiCrafter at 256x256: how many frames of a clip further on the next one is, 1 to 100; it learned 1 to 6. Default: 3. */
  frameStride?: number | undefined;
  /** A film's last frame, with motion modules; DynamiCrafter makes what lies between. */
  lastImage?: ImageSource | undefined;
  /**
   * The film that this one starts from, that is edited, or of which a part is painted anew, of as many frames as the request has.
   * It says `frames`, and `fps` where it has a rate.
   */
  video?: FilmSource | undefined;
  /**
   * How much of the schedule `image` or `video` goes through, 0 to 1: the last `steps * strength` steps are done, rounded down to
   * whole ones. Default: 0.8; 1 with `mask` or `expand`, and where `image` is a film's first frame.
   */
  strength?: number | undefined;
  /**
   * White where `image` or `video` is painted anew, black where it stays, fitted as they are: one picture for all frames, or a film
   * of one a frame. Default: none, which a model that inpaints refuses.
   */
  mask?: FilmSource | undefined;
  /** One for each ControlNet that is loaded, in their order. Default: none. */
  controls?: readonly Control[] | undefined;
  /**
   * How much of the structure of the controls' frames is left out (arXiv 2302.03011): so often they are halved in size and brought
   * back, 0 to 7. Default: 0.
   */
  structure?: number | undefined;
  /**
   * Pictures of some frames, counted from 0, that SparseCtrl makes the others from: `{ 0: "first.png", 15: "last.png" }`.
   * Default: none.
   */
  keyframes?: { readonly [frame: number]: ImageSource } | undefined;
  /** How strongly they hold, 0 to 10. Default: 1. */
  keyframeScale?: number | undefined;
  /** Of VACE: how far `reference`, `video` and `mask` count, 0 to 10. Default: 1. */
  conditioningScale?: number | undefined;
  /**
   * Guidance from frames by themselves to a video (arXiv 2302.03011, equation 9), 0 to 100: below 1 the frames are less alike,
   * above 1 more. Costs an evaluation without motion modules. Default: none, which makes what 1 does.
   */
  temporalGuidance?: number | undefined;
  /**
   * Paints anew so many pixels on each side of `image` or `video`, which is fitted into what is left of `width` and `height`;
   * beside a `mask`, too. Default: none.
   */
  expand?:
    | {
        /** Whole pixels, 0 to 4096. */
        readonly left?: number | undefined;
        /** As for `left`. */
        readonly right?: number | undefined;
        /** As for `left`. */
        readonly top?: number | undefined;
        /** As for `left`. */
        readonly bottom?: number | undefined;
      }
    | undefined;
  /**
   * How strongly that picture holds, or of Phantom the references; below 1 is no guidance. Default: 1.5, of Phantom 5.
   */
  imageGuidanceScale?: number | undefined;
  /**
   * A picture as a prompt beside the text, or several, as the adapter that `ipAdapter` loaded reads them. Their middle is taken,
   * a square. Default: none, which a pipeline with an adapter refuses.
   */
  ipImage?: ImageSource | readonly ImageSource[] | undefined;
  /**
   * How far those pictures count: a number, or by parts of the model and of the schedule, as
   * `{ scale: 0.8, blocks: { down_blocks: 0 }, to: 0.5 }` or an array of these. 0 is not at all. Default: 1.
   */
  ipScale?: ImagePromptScales | undefined;
  /**
   * A whole number from 0 to 2^53 - 1; the same seed gives the same frames. Below 2^32 the noise is what PyTorch draws
   * for that seed. Default: drawn at random.
   */
  seed?: number | undefined;
  /** Noise put on the references, alpha of the paper's section on GIRL: 0 (none) to 1. Default: 0. */
  referenceNoise?: number | undefined;
  /**
   * "independent" from step to step, or cumulative, "as-released" by the paper's authors. Default: "independent".
   */
  referenceNoiseMode?: "independent" | "as-released" | undefined;
  /**
   * The latents of references, and of DynamiCrafter's pictures: the "mode" of what the encoder says, or a "sample", by the seed.
   * Default: "mode", of DynamiCrafter "sample".
   */
  referenceLatents?: "mode" | "sample" | undefined;
  /** How a picture or a film of another shape is fitted: cropped, padded with white, or squashed. Default: "cover". */
  fit?: Fit | undefined;
  /** Decode in overlapping tiles: less memory for large frames, small differences. Default: false. */
  vaeTiling?: boolean | undefined;
  /** Send a small picture of the middle frame with each denoising step's progress. Default: false. */
  preview?: boolean | undefined;
  /** Write the intermediate tensors to this .safetensors file. */
  saveLatents?: string | undefined;
  /** Ends the sampling within one network evaluation; the promise then rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Called after each step; what it throws, the promise rejects with. */
  onProgress?: ((progress: SampleProgress) => void) | undefined;
}

/** As `SampleRequest`, of a model that edits, with an instruction in place of the prompt. */
export type EditRequest = Omit<SampleRequest, "prompt" | "instruction"> & {
  /** What to change. */
  instruction: string;
};

/** As `SampleRequest`, of a model that makes a film of a picture and reads no prompt (Stable Video Diffusion). */
export type ImageToVideoRequest = Omit<SampleRequest, "prompt" | "instruction"> & {
  /** What the film begins as, as a rule. */
  image: ImageSource;
};

/** What `pipe.sample` is given, of whatever model. */
export type AnyRequest = SampleRequest | EditRequest | ImageToVideoRequest;

/** How far a sampling is. */
export interface SampleProgress {
  /** Prompt and references, then the denoising, then the frames. */
  phase: "encode" | "denoise" | "decode";
  /** Units done of `steps` in this phase: pictures and prompts, denoising steps, frames. */
  step: number;
  /** Units in this phase. */
  steps: number;
  /** Until the frames are there, as far as the speed so far tells. */
  etaSeconds?: number;
  /** Where the request asked for it. */
  preview?: RgbImage;
}
