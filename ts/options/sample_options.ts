import type { FilmSource, ImageSource } from "../media/index.js";
import type { SampleDefaults } from "../shipped_model/index.js";
import type { Complete } from "./complete.js";
import { keyframeNumbers, nativeControls } from "./controls.js";
import {
  defaultFrames,
  defaultStrength,
  fastest,
  framesOfVideo,
  mostFrames,
  plainSteps,
  randomSeed,
  slowest,
  subjectNegativePrompt,
} from "./defaults.js";
import { completedImagePromptScales, type ImagePromptScales } from "./image_prompt.js";
import { file, type Kind, kindOf, number, oneOf, range, type Shape, text, whole, yesOrNo } from "./kinds.js";
import type { SampleProgress, SampleRequest, Scheduler } from "./sample_request.js";
import { samplerNames } from "./sampler_names.js";
import { type CompleteSubject, nativeSubjects, type Subject } from "./subjects.js";

export type * from "./sample_request.js";

export type OptionName = keyof SampleRequest;

/** What a request is checked against, and what its defaults may depend on: a part of `PipelineDescription`. */
export interface Loaded {
  readonly subject: boolean;
  readonly imageGuidance: boolean;
  readonly strength: boolean;
  readonly mask: boolean;
  readonly imagePrompt: boolean;
  readonly controls: number;
  readonly keyframes: boolean;
  readonly lastImage: boolean;
  readonly required: readonly ("image" | "mask")[];
  readonly scheduler: string;
  readonly motion: { readonly maxFrames: number } | null;
  readonly latentScale: number;
  readonly defaultSize: readonly [width: number, height: number];
  /** In place of the table's. */
  readonly defaults?: Partial<Pick<SampleRequest, keyof SampleDefaults | "frames" | "fps">>;
}

/** All that is said of an option beside its type and its comment in `SampleRequest`. */
export interface SampleOption<T> {
  readonly value: Kind<T>;
  /** What it is where a request says nothing and the model has no default of its own. */
  readonly default?: T | ((loaded: Loaded, given: Partial<SampleRequest>) => T | undefined);
  /** Instead of a default: drawn anew for each request. */
  readonly draw?: () => T;
  readonly required?: true;
  /** The native half takes it, in native/pipeline/request.cc: as it is, or what the function makes of it. */
  readonly native?: true | ((value: T, request: Partial<SampleRequest>) => unknown);
  /** What it is of no use without. */
  readonly needs?:
    | "subject"
    | "imageGuidance"
    | "strength"
    | "mask"
    | "lastImage"
    | "controls"
    | "keyframes"
    | "motion"
    | "imagePrompt";
  /** Of one call: it doesn't belong to what makes the frames, nor to `video.request`. */
  readonly ofCall?: true;
  /** On the command line. Options with the same flag share it, as "--size" is width and height. */
  readonly flag?: `--${string}`;
  /** The flag's, to which a plain default is added, and of a choice its names. */
  readonly help?: string;
  /** Of its field in the studio. */
  readonly label?: string;
}

/** Every option of a request, once. What checks, completes, shows or passes on a request goes by this table. */
export const sampleOptions = {
  prompt: {
    value: kindOf<SampleRequest["prompt"]>({ kind: "prompt", longest: 10_000, most: 1024 }),
    required: true,
    label: "Prompt",
  },
  reference: {
    value: kindOf<ImageSource | readonly ImageSource[]>({ kind: "pictures", most: 64 }),
    default: [],
    needs: "subject",
  },
  subjects: {
    value: kindOf<readonly Subject[]>({ kind: "subjects", frames: mostFrames }),
    native: (subjects, { frames = 1 }) => nativeSubjects(subjects as readonly CompleteSubject[], frames),
    needs: "subject",
  },
  negativePrompt: {
    value: text(10_000),
    default: ({ subject }) => (subject ? subjectNegativePrompt : ""),
    flag: "--negative <text>",
    help: "what it should not show",
    label: "What it should not show",
  },
  emphasis: {
    value: oneOf("a1111", "none"),
    default: "a1111",
    flag: "--emphasis <notation>",
    help: "notation for (words:1.3), [words] and BREAK:",
  },
  longPrompt: {
    value: oneOf("chunks", "cut"),
    default: "chunks",
    flag: "--long-prompt <how>",
    help: "prompts longer than the text encoder reads at once:",
  },
  seed: {
    value: whole(0, Number.MAX_SAFE_INTEGER),
    draw: randomSeed,
    native: true,
    flag: "--seed <n>",
    help: "the same seed gives the same video (default: random)",
    label: "Seed",
  },
  steps: {
    value: whole(1, 1000),
    default: plainSteps,
    native: true,
    flag: "--steps <n>",
    help: "denoising steps",
    label: "Steps",
  },
  guidanceScale: {
    value: number(0, 100),
    default: 8,
    native: true,
    flag: "--guidance <x>",
    help: "how strongly prompt and reference hold",
    label: "Guidance",
  },
  guidanceRange: {
    value: range(0, 1),
    default: [0, 1],
    native: true,
    flag: "--guidance-range <from:to>",
    help: "the part of the schedule that is guided",
  },
  cacheInterval: {
    value: whole(1, 1000),
    default: 1,
    native: true,
    flag: "--cache-interval <n>",
    help: "deep features every n steps only: faster, less exact",
  },
  cacheLayers: {
    value: whole(1, 100),
    default: 1,
    native: true,
    flag: "--cache-layers <n>",
    help: "outermost layers that run in every step all the same",
  },
  tokenMerging: {
    value: number(0, 0.75),
    default: 0,
    native: true,
    flag: "--token-merging <ratio>",
    help: "share of tokens joined in self-attention, to 0.75",
  },
  frames: {
    value: whole(1, mostFrames),
    default: ({ motion }) => defaultFrames(motion !== null),
    native: true,
    flag: "--frames <n>",
    help: `how many frames (default: ${framesOfVideo})`,
    label: "Frames",
  },
  fps: {
    value: number(slowest, fastest),
    default: 8,
    flag: "--fps <n>",
    help: "frames a second",
    label: "Frames a second",
  },
  width: {
    value: whole(8, 4096),
    default: ({ defaultSize }) => defaultSize[0],
    native: true,
    flag: "--size <WxH>",
    help: "in pixels (default: the model's own)",
    label: "Width",
  },
  height: {
    value: whole(8, 4096),
    default: ({ defaultSize }) => defaultSize[1],
    native: true,
    flag: "--size <WxH>",
    label: "Height",
  },
  context: {
    value: kindOf<NonNullable<SampleRequest["context"]>>({ kind: "context", most: 1024 }),
    native: true,
    flag: "--context <n:m>",
    help: "denoise windows of n frames that overlap by m; n:m:looped:flat has a schedule and weights, too",
  },
  loop: {
    value: yesOrNo,
    default: false,
    native: true,
    needs: "motion",
    flag: "--loop",
    help: "the last frame leads to the first",
  },
  noise: {
    value: oneOf("independent", "freenoise", "freenoise-repeat", "freenoise-random"),
    default: "independent",
    native: true,
    needs: "motion",
    flag: "--noise <how>",
    help: "what frames begin as:",
  },
  freeInit: {
    value: kindOf<NonNullable<SampleRequest["freeInit"]>>({ kind: "freeInit" }),
    default: false,
    native: true,
    needs: "motion",
    flag: "--free-init [iterations]",
    help: "sample again and again from the film's slow motions: steadier",
  },
  motionScale: {
    value: number(0, 10),
    default: 1,
    native: true,
    needs: "motion",
    flag: "--motion-scale <x>",
    help: "how much the motion modules move",
  },
  clipSkip: {
    value: whole(0, 100),
    default: 0,
    native: true,
    flag: "--clip-skip <n>",
    help: "leave out the text encoder's last n layers",
  },
  scheduler: {
    value: kindOf<Scheduler>({ kind: "scheduler", names: samplerNames }),
    default: ({ scheduler }) => scheduler,
    native: true,
    flag: "--scheduler <name>",
    help: "sampler, or a scheduler_config.json (default: the model's own):",
  },
  eta: {
    value: number(0, 1),
    native: true,
    flag: "--eta <x>",
    help: "fresh noise in each step, of ddim and tcd, 0 to 1",
  },
  sigmas: {
    value: oneOf("karras", "exponential", "beta"),
    native: true,
    flag: "--sigmas <how>",
    help: "noise levels spread by",
  },
  spacing: {
    value: oneOf("linspace", "leading", "trailing"),
    native: true,
    flag: "--spacing <how>",
    help: "timesteps taken:",
  },
  shift: {
    value: number(0.01, 100),
    native: true,
    flag: "--shift <x>",
    help: "of flow matching: above 1, more steps on much noise",
  },
  zeroTerminalSnr: {
    value: yesOrNo,
    native: true,
    flag: "--zero-terminal-snr",
    help: "end the noise schedule in noise alone",
  },
  guidanceRescale: {
    value: number(0, 1),
    default: 0,
    native: true,
    flag: "--guidance-rescale <x>",
    help: "bring guidance's deviation back, 0 to 1",
  },
  instruction: {
    value: text(10_000),
    needs: "imageGuidance",
    flag: "--instruction <text>",
    help: "in place of --prompt: what to change in --image or --video, of a model that edits",
  },
  image: {
    value: kindOf<ImageSource>({ kind: "picture" }),
    flag: "--image <file>",
    help: "the picture to start from, to edit, or to paint anew in parts; of a film its first frame",
  },
  lastImage: {
    value: kindOf<ImageSource>({ kind: "picture" }),
    needs: "lastImage",
    flag: "--last-image <file>",
    help: "the film's last frame",
  },
  video: {
    value: kindOf<FilmSource>({ kind: "film", most: mostFrames }),
    flag: "--video <path>",
    help: "the film or folder of frames to start from, to edit, or to paint anew in parts",
  },
  strength: {
    value: number(0, 1),
    default: defaultStrength,
    native: true,
    needs: "strength",
    flag: "--strength <x>",
    help: "how far to leave it, 0 to 1 (default: 0.8, with --mask or --expand 1)",
  },
  mask: {
    value: kindOf<FilmSource>({ kind: "film", most: mostFrames, oneForAll: true }),
    needs: "mask",
    flag: "--mask <path>",
    help: "white where --image or --video is painted anew: a picture, or one a frame",
  },
  expand: {
    value: kindOf<NonNullable<SampleRequest["expand"]>>({ kind: "margins", most: 4096 }),
    needs: "mask",
    flag: "--expand <l:r:t:b>",
    help: "paint so many pixels on the left, right, top and bottom of --image or --video anew",
  },
  imageGuidanceScale: {
    value: number(0, 100),
    default: 1.5,
    native: true,
    needs: "imageGuidance",
    flag: "--image-guidance-scale <x>",
    help: "how strongly that picture holds",
  },
  ipImage: {
    value: kindOf<ImageSource | readonly ImageSource[]>({ kind: "pictures", most: 16, fitted: false }),
    needs: "imagePrompt",
    flag: "--ip-image <file>",
    help: "a picture as a prompt, with --ip-adapter; may be given again",
  },
  ipScale: {
    value: kindOf<ImagePromptScales>({ kind: "imagePromptScales" }),
    default: 1,
    native: completedImagePromptScales,
    needs: "imagePrompt",
    flag: "--ip-scale <x>",
    help: "how far that picture counts, beside the text",
  },
  controls: {
    value: kindOf<NonNullable<SampleRequest["controls"]>>({ kind: "controls", most: 16, frames: mostFrames }),
    native: nativeControls,
    needs: "controls",
    flag: "--control <frames>",
    help: "frames for a --control-model, as depth/:0.8:0-0.5 or clip/:1:canny (scale, part of the steps); again: for the next",
  },
  structure: {
    value: whole(0, 7),
    default: 0,
    native: true,
    needs: "controls",
    flag: "--structure <n>",
    help: "leave out structure of these frames, 0 to 7",
  },
  keyframes: {
    value: kindOf<NonNullable<SampleRequest["keyframes"]>>({ kind: "keyframes", most: mostFrames }),
    native: keyframeNumbers,
    needs: "keyframes",
    flag: "--keyframe <frame=file>",
    help: "a frame's picture for SparseCtrl, as 0=first.png; may be given again",
  },
  keyframeScale: {
    value: number(0, 10),
    default: 1,
    native: true,
    needs: "keyframes",
    flag: "--keyframe-scale <x>",
    help: "how strongly these hold",
  },
  temporalGuidance: {
    value: number(0, 100),
    native: true,
    needs: "motion",
    flag: "--temporal-guidance <x>",
    help: "from frames by themselves (0) to a video (1) and beyond",
  },
  referenceNoise: {
    value: number(0, 1),
    default: 0,
    native: true,
    needs: "subject",
    flag: "--reference-noise <a>",
    help: "noise on the references, 0 to 1",
  },
  referenceNoiseMode: {
    value: oneOf("independent", "as-released"),
    default: "independent",
    native: true,
    needs: "subject",
    flag: "--reference-noise-mode <mode>",
  },
  referenceLatents: {
    value: oneOf("mode", "sample"),
    default: "mode",
    native: true,
    needs: "subject",
    flag: "--reference-latents <how>",
  },
  fit: {
    value: oneOf("cover", "contain", "fill"),
    default: "cover",
    flag: "--fit <how>",
    help: "fit a picture or film of another shape by",
  },
  vaeTiling: {
    value: yesOrNo,
    default: false,
    native: true,
    flag: "--vae-tiling",
    help: "decode in tiles: less memory for large frames",
  },
  preview: { value: yesOrNo, default: false, native: true, ofCall: true },
  saveLatents: {
    value: file(".safetensors"),
    native: true,
    ofCall: true,
    flag: "--save-latents <file>",
    help: "write the intermediate tensors to this .safetensors file",
  },
  signal: { value: kindOf<AbortSignal>({ kind: "signal" }), ofCall: true },
  onProgress: { value: kindOf<(progress: SampleProgress) => void>({ kind: "callback" }), ofCall: true },
} as const satisfies { [Name in OptionName]-?: SampleOption<NonNullable<SampleRequest[Name]>> };

/**
 * A request with every default that it took: given to `sample` again, it makes the same frames.
 *
 * @interface
 */
export type CompleteSampleRequest = {
  /** The pictures of the subject; none for a pipeline without one. */
  reference: readonly ImageSource[];
} & Complete<Omit<SampleRequest, "reference" | WithoutDefault | OfCall>> &
  Readonly<Pick<SampleRequest, WithoutDefault>>;

/** The options of one call. */
type OfCall = {
  [Name in OptionName]: (typeof sampleOptions)[Name] extends { ofCall: true } ? Name : never;
}[OptionName];

/** Options that are absent from a complete request where they were from the given one. */
type WithoutDefault = {
  [Name in OptionName]: (typeof sampleOptions)[Name] extends
    | { default: unknown }
    | { draw: unknown }
    | { required: true }
    | { ofCall: true }
    ? never
    : Name;
}[OptionName];

/** An option as the table has it, whichever it is. */
export type AnyOption = Omit<SampleOption<never>, "value" | "default" | "draw" | "native"> & {
  readonly value: Shape;
  readonly default?: unknown;
  readonly draw?: () => unknown;
  readonly native?: true | ((value: never, request: Partial<SampleRequest>) => unknown);
};

/** The table's entries, in its order. */
export const optionEntries = Object.entries(sampleOptions) as readonly (readonly [OptionName, AnyOption])[];

/** The options that have fields in the studio. */
export type StudioOption = {
  [Name in OptionName]: (typeof sampleOptions)[Name] extends { label: string } ? Name : never;
}[OptionName];
