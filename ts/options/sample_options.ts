import type { ImageSource } from "../media/index.js";
import type { Complete } from "./complete.js";
import {
  defaultFrames,
  fastest,
  framesOfVideo,
  longestPrompt,
  mostFrames,
  plainSteps,
  randomSeed,
  slowest,
  subjectNegativePrompt,
} from "./defaults.js";
import { file, kindOf, number, oneOf, range, text, whole, yesOrNo } from "./kinds.js";
import type { AnyOption, SampleOption } from "./option.js";
import type { SampleProgress, SampleRequest, Scheduler } from "./sample_request.js";
import { samplerNames } from "./sampler_names.js";
import { shownOptions } from "./shown_options.js";
import type { Subject } from "./subjects.js";

export type { AnyOption, Loaded, SampleOption } from "./option.js";
export type * from "./sample_request.js";

export type OptionName = keyof SampleRequest;

/** Every option of a request, once. What checks, completes, shows or passes on a request goes by this table. */
export const sampleOptions = {
  prompt: {
    value: kindOf<SampleRequest["prompt"]>({ kind: "prompt", longest: longestPrompt, most: 1024 }),
    default: ({ text }) => (text ? undefined : ""),
    required: true,
    needs: "text",
    label: "Prompt",
  },
  reference: {
    value: kindOf<ImageSource | readonly ImageSource[]>({ kind: "pictures", most: 64 }),
    default: [],
    needs: "subject",
  },
  subjects: {
    value: kindOf<readonly Subject[]>({ kind: "subjects", frames: mostFrames, longest: longestPrompt }),
    native: true,
    needs: "subjectRegions",
  },
  negativePrompt: {
    value: text(longestPrompt),
    default: ({ subject }) => (subject ? subjectNegativePrompt : ""),
    needs: "text",
    flag: "--negative <text>",
    help: "what it should not show",
    label: "What it should not show",
  },
  emphasis: {
    value: oneOf("a1111", "none"),
    default: "a1111",
    needs: "clipText",
    flag: "--emphasis <notation>",
    help: "notation for (words:1.3), [words] and BREAK:",
  },
  longPrompt: {
    value: oneOf("chunks", "cut"),
    default: "chunks",
    needs: "clipText",
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
    needs: "caching",
    flag: "--cache-interval <n>",
    help: "deep features every n steps only: faster, less exact",
  },
  cacheLayers: {
    value: whole(1, 100),
    default: 1,
    native: true,
    needs: "caching",
    flag: "--cache-layers <n>",
    help: "outermost layers that run in every step all the same",
  },
  tokenMerging: {
    value: number(0, 0.75),
    default: 0,
    native: true,
    needs: "caching",
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
    native: true,
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
    needs: "windows",
    flag: "--context <n:m>",
    help: "denoise windows of n frames that overlap by m; n:m:looped:flat has a schedule and weights, too",
    label: "Windows",
  },
  loop: {
    value: yesOrNo,
    default: false,
    native: true,
    needs: "motion",
    flag: "--loop",
    help: "the last frame leads to the first",
    label: "Loop",
  },
  noise: {
    value: oneOf("independent", "freenoise", "freenoise-repeat", "freenoise-random"),
    default: "independent",
    native: true,
    needs: "motion",
    flag: "--noise <how>",
    help: "what frames begin as:",
    label: "Noise",
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
    needs: "clipText",
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
  parallelSteps: {
    value: whole(1, 1000),
    default: 1,
    native: true,
    flag: "--parallel-steps <n>",
    help: "evaluations made in one round (ParaDiGMS): more work in fewer rounds",
  },
  parallelTolerance: {
    value: number(0, 10),
    default: 0.01,
    native: true,
    flag: "--parallel-tolerance <x>",
    help: "how far they may be from one after another; 0 is not at all",
  },
  dynamicGuidance: {
    value: yesOrNo,
    default: ({ dynamicGuidance }) => (dynamicGuidance ? false : undefined),
    native: true,
    needs: "dynamicGuidance",
    flag: "--dynamic-guidance",
    help: "of CogVideoX: guidance goes by a cosine over the timesteps",
  },
  ...shownOptions,
  referenceNoise: {
    value: number(0, 1),
    default: 0,
    native: true,
    needs: "subjectRegions",
    flag: "--reference-noise <a>",
    help: "noise on the references, 0 to 1",
  },
  referenceNoiseMode: {
    value: oneOf("independent", "as-released"),
    default: "independent",
    native: true,
    needs: "subjectRegions",
    flag: "--reference-noise-mode <mode>",
  },
  referenceLatents: {
    value: oneOf("mode", "sample"),
    default: "mode",
    native: true,
    needs: "pictureLatents",
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

/** The table's entries, in its order. */
export const optionEntries = Object.entries(sampleOptions) as readonly (readonly [OptionName, AnyOption])[];

/** The options that have fields in the studio. */
export type StudioOption = {
  [Name in OptionName]: (typeof sampleOptions)[Name] extends { label: string } ? Name : never;
}[OptionName];
