import { randomInt } from "node:crypto";
import { z } from "zod";
import type { PipelineDescription } from "../description.js";
import { CameoError } from "../errors.js";
import { placeProblem } from "../media/files.js";
import type { Fit, ImageSource } from "../media/index.js";
import type { RgbImage } from "../native.js";
import { quoted } from "../quote.js";
import { checkOptions, notAllowed, option } from "./check.js";
import type { Complete } from "./complete.js";

/** What `pipe.sample` takes. */
export interface SampleRequest {
  /** What the video shows. */
  prompt: string;
  /** One picture of the subject, or several of the same one. */
  reference?: ImageSource | readonly ImageSource[] | undefined;
  /** What it should not show. Default: a list of common faults with a subject, nothing without one. */
  negativePrompt?: string | undefined;
  /** How many frames. Default: 16 with motion modules; without them it can only be 1. */
  frames?: number | undefined;
  /** In pixels, a multiple of the model's `latentScale`, as a rule 8. Default: the model's own. */
  width?: number | undefined;
  /** As for `width`. */
  height?: number | undefined;
  /** Frames a second, of the file that is saved. Default: 8. */
  fps?: number | undefined;
  /** Denoising steps. Default: 30. */
  steps?: number | undefined;
  /** How strongly prompt and reference hold; 1 is no guidance. Default: 8. */
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
  /** Default: "ddim". */
  scheduler?: "ddim" | undefined;
  /**
   * A whole number from 0 to 2^53 - 1; the same seed gives the same frames. Below 2^32 the noise is what PyTorch draws
   * for that seed. Default: drawn at random.
   */
  seed?: number | undefined;
  /** Noise put on the references, alpha of the paper's section on GIRL: 0 (none, the default) to 1. */
  referenceNoise?: number | undefined;
  /** "independent" from step to step (the default), or cumulative, "as-released" by the paper's authors. */
  referenceNoiseMode?: "independent" | "as-released" | undefined;
  /** The references' latents: the "mode" of what the encoder says (the default), or a "sample", by the seed. */
  referenceLatents?: "mode" | "sample" | undefined;
  /** How a reference of another shape is fitted: cropped, padded with white, or squashed. Default: "cover". */
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

/**
 * A request with every default that it took: given to `sample` again, it makes the same frames.
 *
 * @interface
 */
export type CompleteSampleRequest = {
  /** The pictures of the subject; none for a pipeline without one. */
  reference: readonly ImageSource[];
} & Complete<Omit<SampleRequest, "reference" | "preview" | "saveLatents" | "signal" | "onProgress">>;

/** The negative prompt of the paper's authors. */
const subjectNegativePrompt =
  "semi-realistic, cgi, 3d, render, sketch, cartoon, drawing, anime, text, close up, cropped, out of frame, " +
  "worst quality, low quality, jpeg artifacts, ugly, duplicate, morbid, mutilated, extra fingers, mutated hands, " +
  "poorly drawn hands, poorly drawn face, mutation, deformed, blurry, dehydrated, bad anatomy, bad proportions, " +
  "extra limbs, cloned face, disfigured, gross proportions, malformed limbs, missing arms, missing legs, " +
  "extra arms, extra legs, fused fingers, too many fingers, long neck";

const text = z.string().max(10_000);
const flag = option(z.boolean().optional(), "true or false");
const side = option(z.int().min(8).max(4096).optional(), "a whole number from 8 to 4096");
const whole = (min: number, max: number) =>
  option(z.int().min(min).max(max).optional(), `a whole number from ${min} to ${max}`);
const oneOf = <const T extends readonly string[]>(...names: T) =>
  option(z.enum(names).optional(), names.map((name) => `"${name}"`).join(" or "));
const imageSource = z.custom<ImageSource>(isImageSource);

const sampleSchema = z.strictObject({
  prompt: option(text, "a text of at most 10000 characters"),
  reference: option(
    z.union([imageSource, z.array(imageSource).max(64)]).optional(),
    "a picture (a path, a URL, a Buffer or {data, width, height}) or an array of at most 64",
  ),
  negativePrompt: option(text.optional(), "a text of at most 10000 characters"),
  frames: whole(1, 1024),
  width: side,
  height: side,
  fps: option(z.number().min(1).max(120).optional(), "a number from 1 to 120"),
  steps: whole(1, 1000),
  guidanceScale: option(z.number().min(0).max(100).optional(), "a number from 0 to 100"),
  guidanceRange: option(
    z
      .tuple([z.number().min(0).max(1), z.number().min(0).max(1)])
      .refine(([from, to]) => from <= to)
      .optional(),
    "two numbers from 0 to 1 in rising order",
  ),
  cacheInterval: whole(1, 1000),
  cacheLayers: whole(1, 100),
  tokenMerging: option(z.number().min(0).max(0.75).optional(), "a number from 0 to 0.75"),
  scheduler: oneOf("ddim"),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  referenceNoise: option(z.number().min(0).max(1).optional(), "a number from 0 to 1"),
  referenceNoiseMode: oneOf("independent", "as-released"),
  referenceLatents: oneOf("mode", "sample"),
  fit: oneOf("cover", "contain", "fill"),
  vaeTiling: flag,
  preview: flag,
  saveLatents: option(
    z
      .string()
      .regex(/\.safetensors$/)
      .optional(),
    "the path of a .safetensors file",
  ),
  signal: option(z.instanceof(AbortSignal).optional(), "an AbortSignal"),
  onProgress: option(
    z.custom<NonNullable<SampleRequest["onProgress"]>>((value) => typeof value === "function").optional(),
    "a function",
  ),
});

/** Checks what can be checked before a model is loaded. */
export function checkRequest(request: SampleRequest) {
  return checkOptions(sampleSchema, request);
}

/** Without motion modules there is no video, only a still. */
export function defaultFrames(hasMotion: boolean): number {
  return hasMotion ? 16 : 1;
}

/** Checks a request against what is loaded, and completes it with the defaults. */
export function completeRequest(request: SampleRequest, loaded: PipelineDescription): CompleteSampleRequest {
  const given = checkRequest(request);
  const complete: CompleteSampleRequest = {
    prompt: given.prompt,
    // As texts, which unlike URLs may be passed to another thread.
    reference: toArray(given.reference).map((source) => (source instanceof URL ? source.href : source)),
    negativePrompt: given.negativePrompt ?? loaded.defaults?.negativePrompt ?? defaultNegativePrompt(loaded),
    frames: given.frames ?? defaultFrames(loaded.motion !== null),
    width: given.width ?? loaded.defaultSize[0],
    height: given.height ?? loaded.defaultSize[1],
    fps: given.fps ?? 8,
    steps: given.steps ?? 30,
    guidanceScale: given.guidanceScale ?? loaded.defaults?.guidanceScale ?? 8,
    guidanceRange: given.guidanceRange ?? [0, 1],
    cacheInterval: given.cacheInterval ?? 1,
    cacheLayers: given.cacheLayers ?? 1,
    tokenMerging: given.tokenMerging ?? 0,
    scheduler: given.scheduler ?? "ddim",
    seed: given.seed ?? randomSeed(),
    referenceNoise: given.referenceNoise ?? 0,
    referenceNoiseMode: given.referenceNoiseMode ?? "independent",
    referenceLatents: given.referenceLatents ?? "mode",
    fit: given.fit ?? "cover",
    vaeTiling: given.vaeTiling ?? false,
  };
  checkAgainstModel(complete, loaded);
  return Object.freeze(complete);
}

function defaultNegativePrompt({ subject }: PipelineDescription): string {
  return subject ? subjectNegativePrompt : "";
}

/** Throws ERR_INVALID_OPTION: references go with a subject model, and a subject model with references. */
export function checkReferences(reference: SampleRequest["reference"], hasSubject: boolean): void {
  const references = toArray(reference).length;
  if (references > 0 && !hasSubject) {
    throw invalid("reference: this pipeline has no subject model; load one with the option subject");
  }
  if (references === 0 && hasSubject) {
    throw invalid("reference is missing: the subject model needs at least one picture of the subject");
  }
}

function checkAgainstModel(request: CompleteSampleRequest, loaded: PipelineDescription): void {
  checkReferences(request.reference, loaded.subject);
  const references = request.reference.length;
  for (const name of ["width", "height"] as const) {
    if (request[name] % loaded.latentScale !== 0) {
      throw notAllowed(name, request[name], `a multiple of ${loaded.latentScale}`);
    }
  }
  if (!loaded.motion) {
    if (request.frames !== 1) throw notAllowed("frames", request.frames, "1 without motion modules");
    return;
  }
  const most = loaded.motion.maxFrames - references;
  if (request.frames > most) {
    const pictures = references === 1 ? "1 reference" : `${references} references`;
    const allowed = `at most ${most} with these motion modules${references > 0 ? ` and ${pictures}` : ""}`;
    throw notAllowed("frames", request.frames, allowed);
  }
}

/** Throws ERR_INVALID_OPTION where `saveLatents` can't be written, before hours of work. */
export function checkOutputs({ saveLatents }: Pick<SampleRequest, "saveLatents">): void {
  const problem = saveLatents === undefined ? undefined : placeProblem(saveLatents);
  if (problem !== undefined) throw invalid(`saveLatents ${quoted(saveLatents as string)}: ${problem}`);
}

export function toArray(reference: SampleRequest["reference"]): readonly ImageSource[] {
  if (reference === undefined) return [];
  return Array.isArray(reference) ? reference : [reference as ImageSource];
}

function isImageSource(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  if (value instanceof URL || value instanceof Uint8Array) return true;
  return (
    typeof value === "object" && value !== null && "data" in value && "width" in value && "height" in value
  );
}

/** Below 2^53, from two draws: randomInt gives at most 48 bits. */
function randomSeed(): number {
  return randomInt(2 ** 21) * 2 ** 32 + randomInt(2 ** 32);
}

function invalid(message: string): CameoError {
  return new CameoError("ERR_INVALID_OPTION", message);
}
