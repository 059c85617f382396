import { type Kind, kindOf, oneOf, type Shape } from "./kinds.js";
import type { LoadOptions, LoadProgress } from "./load_request.js";
import type { Loras } from "./lora.js";

export type * from "./load_request.js";

export type LoadOptionName = keyof LoadOptions;

/** All that is said of an option of `Pipeline.load` beside its type and its comment in `LoadOptions`. */
export interface LoadOption<T> {
  readonly value: Kind<T>;
  /** What it is where nothing is said. */
  readonly default?: T;
  /** Of one call: the native half is not told of it. */
  readonly ofCall?: true;
  /** Of a path: the folder with the like in a pipeline, as a name on the hub may be of a whole one. */
  readonly part?: string;
  /** Of how it computes, not of what the model is. */
  readonly computing?: true;
  readonly flag?: `--${string}`;
  /** The flag's, to which a choice's names are added. */
  readonly help?: string;
}

const path = (what: string) => kindOf<string>({ kind: "path", what });
const paths = (what: string, most: number) =>
  kindOf<string | readonly string[]>({ kind: "paths", what, most });

/** Every option of `Pipeline.load`, once: what checks it, passes it on or has flags for it goes by this table. */
export const loadOptions = {
  base: {
    value: path("file or folder"),
    flag: "--base <path>",
    help: "Stable Diffusion 1.5 or another model, a folder or file (default: the model that ships)",
  },
  motion: {
    value: path("file or folder"),
    part: "motion_adapter",
    flag: "--motion <path>",
    help: "AnimateDiff's motion modules; without them stills are made",
  },
  subject: {
    value: paths("file or folder", 16),
    flag: "--subject <path>",
    help: "VideoMaker checkpoint or adapters; again: adapters for it",
  },
  lora: {
    value: kindOf<Loras>({ kind: "loras", what: "file" }),
    flag: "--lora <file[:scale]>",
    help: "a LoRA, as style.safetensors:0.8; may be given again",
  },
  controls: {
    value: paths("file or folder", 16),
    part: "controlnet",
    flag: "--control-model <path>",
    help: "ControlNet or SparseCtrl; may be given again",
  },
  vae: {
    value: path("file or folder"),
    part: "vae",
    flag: "--vae <path>",
    help: "a VAE, instead of the base's own",
  },
  ipAdapter: {
    value: path("file or folder"),
    flag: "--ip-adapter <path>",
    help: "an IP-Adapter, which reads --ip-image beside the prompt",
  },
  imageEncoder: {
    value: path("folder"),
    part: "image_encoder",
    flag: "--image-encoder <path>",
    help: "the adapter's CLIP encoder (default: image_encoder beside it)",
  },
  tokenizer: {
    value: path("folder"),
    part: "tokenizer",
    flag: "--tokenizer <path>",
    help: "a tokenizer's folder, instead of the base's own",
  },
  embeddings: {
    value: kindOf<NonNullable<LoadOptions["embeddings"]>>({
      kind: "embeddings",
      what: "file or folder",
      most: 256,
    }),
    flag: "--embedding <file>",
    help: "a word learned by textual inversion; may be given again",
  },
  prediction: {
    value: oneOf("epsilon", "v_prediction"),
    flag: "--prediction <kind>",
    help: "what the base predicts, where it doesn't say:",
  },
  device: {
    value: kindOf<NonNullable<LoadOptions["device"]>>({ kind: "device" }),
    default: "auto",
    computing: true,
    flag: "--device <name>",
    help: "cpu, cuda or cuda:1",
  },
  parallelDevices: {
    value: kindOf<NonNullable<LoadOptions["parallelDevices"]>>({ kind: "devices", most: 16 }),
    computing: true,
    flag: "--parallel-device <name>",
    help: "has a copy of the model, which shares --parallel-steps; may be given again",
  },
  dtype: {
    value: oneOf("auto", "fp32", "bf16", "fp16"),
    default: "auto",
    computing: true,
    flag: "--dtype <name>",
    help: "what it computes in:",
  },
  kernels: {
    value: oneOf("fast", "plain"),
    default: "fast",
    computing: true,
    flag: "--kernels <name>",
    help: "of CPUs; plain is slower, a little more exact:",
  },
  maxMemory: {
    value: kindOf<number>({ kind: "bytes" }),
    computing: true,
    flag: "--max-memory <size>",
    help: "of the device, as in 6GB: slower in less (default: as much as there is)",
  },
  headersOnly: { value: kindOf<boolean>({ kind: "switch" }), computing: true },
  signal: { value: kindOf<AbortSignal>({ kind: "signal" }), ofCall: true },
  onProgress: { value: kindOf<(progress: LoadProgress) => void>({ kind: "callback" }), ofCall: true },
} as const satisfies { [Name in LoadOptionName]-?: LoadOption<NonNullable<LoadOptions[Name]>> };

/** An option as the table has it, whichever it is. */
export type AnyLoadOption = Omit<LoadOption<never>, "value" | "default"> & {
  readonly value: Shape;
  readonly default?: unknown;
};

/** The table's entries, in its order. */
export const loadEntries = Object.entries(loadOptions) as readonly (readonly [
  LoadOptionName,
  AnyLoadOption,
])[];
