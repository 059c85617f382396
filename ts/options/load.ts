import { statSync } from "node:fs";
import { z } from "zod";
import { openAddonFor } from "../addon.js";
import { CameoError } from "../errors.js";
import { danglingLink, fileReason } from "../media/files.js";
import type { NativeLoadOptions, NativeProgress } from "../native.js";
import { quoted } from "../quote.js";
import { type ShippedModel, shippedModel } from "../shipped_model/index.js";
import { checkOptions, option } from "./check.js";
import { defined } from "./defined.js";
import { overShippedModel } from "./over_shipped_model.js";

/** What `Pipeline.load` takes. */
export interface LoadOptions {
  /**
   * The image model: a diffusers folder of Stable Diffusion 1.5's kind. Default: the model that ships, all of it but what
   * `motion` and `subject` name.
   */
  base?: string | undefined;
  /** AnimateDiff's motion modules: a diffusers MotionAdapter folder. Without them the pipeline makes stills. */
  motion?: string | undefined;
  /**
   * A VideoMaker checkpoint, laid over the two others, or several files that are laid over one another: adapters and
   * what they were trained on. Without it there are no references.
   */
  subject?: string | readonly string[] | undefined;
  /** "auto" (CUDA where there is one, else the CPU), "cpu", "cuda" or "cuda:1". Default: "auto". */
  device?: "auto" | "cpu" | "cuda" | `cuda:${number}` | undefined;
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
  /** Ends the loading; the promise then rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Called while tensors are read; what it throws, the promise rejects with. */
  onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** How far the loading of a model is. */
export interface LoadProgress {
  /** Tells it from the progress of a sampling. */
  phase: "load";
  /** Tensors read, of `steps`. */
  step: number;
  /** Tensors in all. */
  steps: number;
}

/** What the addon reports of a loading, as `onProgress` is told of it. */
export function loadReport(
  onProgress: LoadOptions["onProgress"],
): ((progress: NativeProgress) => void) | undefined {
  return onProgress && (({ step, steps }) => onProgress({ phase: "load", step, steps }));
}

const path = z.string().min(1);
const folder = option(path.optional(), "the path of a folder");

/** A device: for a schema, and in words. */
export const deviceName = z.custom<NonNullable<LoadOptions["device"]>>(
  (value) => typeof value === "string" && /^(auto|cpu|cuda(:\d{1,2})?)$/.test(value),
);
export const deviceNames = '"auto", "cpu", "cuda" or "cuda:" and a number';

const loadSchema = z.strictObject({
  base: folder,
  motion: folder,
  subject: option(
    z.union([path.transform((one) => [one]), z.array(path).min(1).max(16)]).optional(),
    "the path of a file or a folder, or an array of at most 16",
  ),
  device: option(deviceName.optional(), deviceNames),
  dtype: option(z.enum(["auto", "fp32", "bf16", "fp16"]).optional(), '"auto", "fp32", "bf16" or "fp16"'),
  kernels: option(z.enum(["fast", "plain"]).optional(), '"fast" or "plain"'),
  maxMemory: option(z.int().min(1).optional(), "a whole number of bytes"),
  signal: option(z.instanceof(AbortSignal).optional(), "an AbortSignal"),
  onProgress: option(
    z.custom<NonNullable<LoadOptions["onProgress"]>>((value) => typeof value === "function").optional(),
    "a function",
  ),
});

export interface CheckedLoadOptions {
  native: NativeLoadOptions;
  /** Set where it is the model that is loaded. */
  shipped?: ShippedModel;
}

/** Checks the options and completes them with the defaults, but for what adapters need beneath them. */
export function checkLoadOptions(options: LoadOptions): CheckedLoadOptions {
  const {
    base,
    motion,
    subject,
    device = "auto",
    dtype = "auto",
    kernels = "fast",
    maxMemory,
  } = checkOptions(loadSchema, options);
  const computing = { device, dtype, kernels, ...defined({ maxMemory }) };
  if (base !== undefined) return { native: { ...defined({ base, motion, subject }), ...computing } };
  const shipped = shippedModel();
  const isWhole = motion === undefined && subject === undefined;
  const named = isWhole ? { subject: [shipped.subject] } : defined({ subject });
  const paths = { base: shipped.base, motion: motion ?? shipped.motion, ...named };
  return { native: { ...paths, ...computing }, shipped };
}

/** Throws ERR_WEIGHTS_FORMAT, naming the option, where what is to be loaded isn't there. */
export function checkModelPaths({ base, motion, subject = [] }: NativeLoadOptions): void {
  checkIsThere("base", base, "folder");
  if (motion !== undefined) checkIsThere("motion", motion, "folder");
  for (const path of subject) checkIsThere("subject", path, "file or folder");
}

function checkIsThere(name: string, path: string, kind: string): void {
  try {
    statSync(path);
  } catch (cause) {
    throw new CameoError("ERR_WEIGHTS_FORMAT", `${name}: ${whyMissing(path, kind, cause)}`, { cause });
  }
}

function whyMissing(path: string, kind: string, cause: unknown): string {
  if ((cause as NodeJS.ErrnoException).code !== "ENOENT") {
    return `the ${kind} ${quoted(path)} can't be read (${fileReason(cause)}); check the path`;
  }
  const link = danglingLink(path);
  if (link !== undefined) return `${quoted(path)} ${link}`;
  return `the ${kind} ${quoted(path)} isn't there; check the path`;
}

/** As `checkLoadOptions`, with all that is loaded. */
export async function completeLoadOptions(options: LoadOptions): Promise<CheckedLoadOptions> {
  const checked = checkLoadOptions(options);
  const { native, shipped } = checked;
  const isNamed = options.motion !== undefined || options.subject !== undefined;
  if (shipped === undefined || !isNamed) return checked;
  const given = { ...defined({ motion: options.motion }), ...defined({ subject: native.subject }) };
  const paths = await overShippedModel(given, shipped, openAddonFor(native.device));
  return { native: { ...native, ...paths }, shipped };
}
