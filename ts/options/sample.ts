import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { NetworkDescription, PipelineDescription } from "../description.js";
import { hubNameOfPath } from "../hub/index.js";
import { placeProblem } from "../media/files.js";
import { nativeText } from "../native_text.js";
import { quoted } from "../quote.js";
import { checkOptions, invalid, notAllowed } from "./check.js";
import { checkControls } from "./controls.js";
import { defined } from "./defined.js";
import { contextOfNoise, promptsOf } from "./length.js";
import { nativeForms } from "./native_forms.js";
import {
  type AnyOption,
  type AnyRequest,
  type CompleteSampleRequest,
  type Loaded,
  type OptionName,
  optionEntries,
  type SampleRequest,
  sampleOptions,
} from "./sample_options.js";
import { completed, schemaOf, toArray } from "./schema.js";
import { checkStart, checkStartAlone, withKeyframes } from "./start.js";
import { checkRegions } from "./subjects.js";

const sampleSchema = z.strictObject(
  Object.fromEntries(optionEntries.map(([name, { value }]) => [name, schemaOf(value)])),
);

const instructionSchema = sampleSchema.pick({ instruction: true });

/** Each option by itself; an instruction is a prompt. */
function checkShapes(request: AnyRequest): SampleRequest {
  const { prompt, instruction }: Partial<SampleRequest> = request ?? {};
  if (instruction === undefined) return checked(request);
  checkOptions(instructionSchema, { instruction });
  if (prompt !== undefined) {
    throw invalid("instruction: the prompt says already what is wanted; give one of the two");
  }
  return checked({ ...request, prompt: instruction, instruction: undefined });
}

function checked(request: unknown): SampleRequest {
  return checkOptions(sampleSchema, request) as unknown as SampleRequest;
}

/** What is needed where it isn't known yet that the model reads no text. */
const withText = { text: true } as Loaded;

/** Throws ERR_INVALID_OPTION where an option is missing that the loaded model needs. */
function checkRequired(given: Partial<SampleRequest>, loaded: Loaded): void {
  for (const [name, { required, needs, value }] of optionEntries) {
    if (!required || given[name] !== undefined || (needs && !loaded[needs])) continue;
    throw notAllowed(name, undefined, schemaOf(value).description as string);
  }
}

/** Throws ERR_INVALID_OPTION for an option that says something which the loaded model can't heed. */
function checkTaken(given: Partial<SampleRequest>, loaded: Loaded): void {
  for (const [name, option] of optionEntries) {
    const { needs, value: shape } = option;
    // What others lack of the rest can be loaded, and that is said with what it takes.
    if (!needs || loaded[needs] || (!loaded.imageToVideo && !(needs in ofOthers))) continue;
    const value = completed(given[name], shape);
    const plain = completed(defaultOf(name, option, loaded, {}), shape);
    if (value === undefined || isDeepStrictEqual(value, plain)) continue;
    throw invalid(`${name}: ${whatElse(loaded, needs)}; leave it out`);
  }
}

/** What can't be had by loading something beside the model, and which models have it. */
const ofOthers: Partial<Record<NonNullable<AnyOption["needs"]>, string>> = {
  image: "this model makes a film of a prompt alone",
  motionBucket: "it is for models that make a film of a picture",
  frameStride: "it is for models that make a film of a picture",
  clipText: "it is for models that read prompts by CLIP",
  dynamicGuidance: "it is for CogVideoX",
  conditioning: "it is for VACE",
};

function whatElse({ text, imageToVideo }: Loaded, needs: NonNullable<AnyOption["needs"]>): string {
  if (!imageToVideo) return ofOthers[needs] as string;
  return text ? "this model makes a film of image, by the prompt" : "this model makes a film of image alone";
}

/** Checks what can be checked before a model is loaded; a scheduler config's file is read for it. */
export function checkRequest(request: AnyRequest, loaded = withText): SampleRequest {
  const given = checkShapes(request);
  if (given.image === undefined) checkRequired(given, loaded);
  completed(given.scheduler, sampleOptions.scheduler.value);
  checkStartAlone(given);
  return given;
}

/** Checks a request against what is loaded, and completes it with the defaults. */
export function completeRequest(request: AnyRequest, loaded: Loaded): CompleteSampleRequest {
  const shaped = checkShapes(request);
  checkTaken(shaped, loaded);
  checkRequired(shaped, loaded);
  const frames = shaped.frames ?? (defaultOf("frames", sampleOptions.frames, loaded, shaped) as number);
  const given = withKeyframes(shaped, loaded, frames);
  if ("instruction" in request && request.instruction !== undefined && !loaded.instruction) {
    throw invalid("instruction: it is for models that edit pictures; say as prompt what is to be seen");
  }
  const values = optionEntries
    .filter(([, { ofCall }]) => !ofCall)
    .map(([name, option]) => {
      const value = given[name] ?? option.draw?.() ?? defaultOf(name, option, loaded, given);
      return [name, completed(value, option.value)];
    });
  const taken = Object.fromEntries(values);
  const context = contextOfNoise({ ...taken, context: given.context }, mostAtOnce(taken, loaded));
  const complete = defined({ ...taken, context }) as CompleteSampleRequest;
  checkAgainstModel(complete, loaded);
  return Object.freeze(complete);
}

/**
 * What the native half takes of a request, as JSON; options without a value take the table's default, where that needs no
 * model.
 */
export function nativeOptions(request: Partial<SampleRequest>): string {
  const values = optionEntries.flatMap(([name, option]) => {
    const value = request[name] ?? plainDefault(option);
    if (!option.native || value === undefined) return [];
    const form = nativeForms[name] as
      | ((value: unknown, request: Partial<SampleRequest>) => unknown)
      | undefined;
    return [[name, form ? form(value, request) : value]];
  });
  return nativeText(Object.fromEntries(values));
}

function plainDefault({ default: value }: AnyOption): unknown {
  return typeof value === "function" ? undefined : value;
}

/** What the native half says of what it has loaded, with the options that a request takes there. */
export function readDescription<T extends PipelineDescription = PipelineDescription>(
  json: string,
  own?: Pick<PipelineDescription, "defaults">,
): T {
  const loaded = { ...JSON.parse(json), ...own };
  const files = loaded.networks.flatMap(({ files }: NetworkDescription) => files);
  for (const file of [...files, ...(loaded.loras ?? [])]) {
    const hub = hubNameOfPath(file.path);
    if (hub !== undefined) file.hub = hub;
  }
  return { ...loaded, options: optionsOf(loaded) };
}

/** The options that the loaded model takes, each with its default; null where it has none. */
export function optionsOf(loaded: Loaded): PipelineDescription["options"] {
  const taken = optionEntries.filter(([, { ofCall, needs }]) => !ofCall && (!needs || loaded[needs]));
  return Object.fromEntries(
    taken.map(([name, option]) => [name, defaultOf(name, option, loaded, {}) ?? null]),
  );
}

function defaultOf(
  name: OptionName,
  option: AnyOption,
  loaded: Loaded,
  given: Partial<SampleRequest>,
): unknown {
  const own = loaded.defaults?.[name as keyof NonNullable<Loaded["defaults"]>];
  if (own !== undefined) return own;
  // A copy, as a request is its owner's to change.
  return typeof option.default === "function"
    ? option.default(loaded, given)
    : structuredClone(option.default);
}

/** Throws ERR_INVALID_OPTION: references go with a subject model, and a subject model with references. */
export function checkReferences(
  request: Partial<SampleRequest>,
  { subject: hasSubject, referencesOptional = false }: Pick<Loaded, "subject" | "referencesOptional">,
): void {
  const { reference, subjects } = request;
  const references = referenceCount(request);
  if (subjects !== undefined && toArray(reference).length > 0) {
    throw invalid("reference: with subjects, each of them has its own; leave one of the two out");
  }
  if (references > 0 && !hasSubject) {
    const name = subjects === undefined ? "reference" : "subjects";
    throw invalid(`${name}: this pipeline has no subject model; load one with the option subject`);
  }
  if (references === 0 && hasSubject && !referencesOptional) {
    throw invalid("reference is missing: the subject model needs at least one picture of the subject");
  }
}

/** Pictures of subjects, however they are given. */
function referenceCount({ reference, subjects = [] }: Partial<SampleRequest>): number {
  return subjects.reduce((sum, one) => sum + toArray(one.reference).length, toArray(reference).length);
}

function checkImagePrompt({ ipImage }: CompleteSampleRequest, loaded: Loaded): void {
  const pictures = toArray(ipImage).length;
  if (pictures > 0 && !loaded.imagePrompt)
    throw invalid(
      "ipImage: this pipeline has no adapter that reads pictures; load one with the option ipAdapter",
    );
  if (pictures === 0 && loaded.imagePrompt)
    throw invalid(
      "ipImage is missing: this pipeline has an adapter that reads pictures; give at least one picture",
    );
}

/** That the motion modules take at a time. */
function mostAtOnce(request: Partial<SampleRequest>, { motion }: Loaded): number {
  return motion ? motion.maxFrames - referenceCount(request) : 1;
}

function checkPrompts({ prompt, frames }: CompleteSampleRequest): void {
  const { frame = 0 } = promptsOf(prompt).at(-1) ?? {};
  if (frame >= frames)
    throw invalid(`prompt: there is no frame ${frame} in ${frames} frames, of which the first is 0`);
}

function checkNoise({ noise, loop, context }: CompleteSampleRequest): void {
  if (noise === "independent") return;
  if (loop) throw invalid(`noise: "${noise}" can't make a loop; leave one of them out`);
  const { schedule = "standard" } = context ?? {};
  if (schedule !== "standard")
    throw invalid(`noise: the windows of "${noise}" can't be "${schedule}"; leave context.schedule out`);
}

function checkAgainstModel(request: CompleteSampleRequest, loaded: Loaded): void {
  checkReferences(request, loaded);
  checkRegions(request);
  checkStart(request, loaded);
  checkImagePrompt(request, loaded);
  checkControls(request, loaded, request.frames);
  if (request.temporalGuidance !== undefined && !loaded.motion) {
    throw invalid("temporalGuidance: there are no motion modules; load some with the option motion");
  }
  checkPrompts(request);
  checkNoise(request);
  const references = referenceCount(request);
  for (const name of ["width", "height"] as const) {
    if (request[name] % loaded.latentScale !== 0) {
      throw notAllowed(name, request[name], `a multiple of ${loaded.latentScale}`);
    }
  }
  if (loaded.imageToVideo || loaded.films) return;
  if (!loaded.motion) {
    if (request.frames !== 1) throw notAllowed("frames", request.frames, "1 without motion modules");
    return;
  }
  const most = mostAtOnce(request, loaded);
  const { frames, context } = request;
  if (Math.min(frames, context?.length ?? frames) > most) {
    const pictures = references === 1 ? "1 reference" : `${references} references`;
    const allowed = `at most ${most} with these motion modules${references > 0 ? ` and ${pictures}` : ""}`;
    if (context) throw notAllowed("context.length", context.length, allowed);
    throw notAllowed("frames", frames, `${allowed}; the option context has more`);
  }
}

/** Throws ERR_INVALID_OPTION where `saveLatents` can't be written, before hours of work. */
export function checkOutputs({ saveLatents }: Pick<SampleRequest, "saveLatents">): void {
  const problem = saveLatents === undefined ? undefined : placeProblem(saveLatents);
  if (problem !== undefined) throw invalid(`saveLatents ${quoted(saveLatents as string)}: ${problem}`);
}
