import { z } from "zod";
import { defined } from "./defined.js";
import type { ContextWindows, FreeInit, PromptsOverTime, SampleRequest } from "./sample_request.js";

/** What the length of a film is made with: windows, prompts over time, passes. */

const schedules = ["standard", "uniform", "looped"] as const;
const weights = ["flat", "pyramid", "relative", "sawtooth"] as const;
const methods = ["gaussian", "butterworth", "ideal"] as const;

const contextShape = z.strictObject({
  length: z.int().min(1),
  overlap: z.int().min(0).optional(),
  schedule: z.enum(schedules).optional(),
  stride: z.int().min(1).max(10).optional(),
  weights: z.enum(weights).optional(),
});

/** Whether a value says how windows lie that are `most` frames long at most. */
export function isContext(value: unknown, most: number): boolean {
  const { data } = contextShape.safeParse(value);
  if (data === undefined || data.length > most || (data.overlap ?? 0) >= data.length) return false;
  return data.stride === undefined || (data.schedule ?? "standard") !== "standard";
}

export const contextAllowed = (most: number): string =>
  `a length from 1 to ${most} and an overlap that is less, both whole; where wanted a schedule (${schedules.join(", ")}), ` +
  `weights (${weights.join(", ")}) and, of other schedules than the first, a stride from 1 to 10`;

/** How many frames further the windows of FreeNoise begin if not told otherwise, as diffusers has it. */
const freeNoiseStep = 4;
const freeNoiseLength = 16;

/** With its overlap: a quarter of its length; with FreeNoise all but 4 frames. */
export function completedContext(
  context: SampleRequest["context"],
  noise: SampleRequest["noise"] = "independent",
): SampleRequest["context"] {
  if (context === undefined) return undefined;
  const { length } = context;
  const overlap = noise === "independent" ? Math.floor(length / 4) : Math.max(0, length - freeNoiseStep);
  return { ...defined(context), length, overlap: context.overlap ?? overlap };
}

/** The windows of a request's noise, where it says none and the motion modules take `most` frames. */
export function contextOfNoise(
  { context, noise = "independent" }: Pick<SampleRequest, "context" | "noise">,
  most: number,
): SampleRequest["context"] {
  const needed: ContextWindows | undefined =
    noise === "independent" ? undefined : { length: Math.max(1, Math.min(freeNoiseLength, most)) };
  return completedContext(context ?? needed, noise);
}

export const freeInit = z.union([
  z.boolean(),
  z.strictObject({
    iterations: z.int().min(1).max(100).optional(),
    method: z.enum(methods).optional(),
    spatialStop: z.number().min(0).max(1).optional(),
    temporalStop: z.number().min(0).max(1).optional(),
    order: z.int().min(1).max(100).optional(),
  }),
]);

export const freeInitAllowed =
  `true, false or { iterations, method, spatialStop, temporalStop, order }: iterations and order whole numbers from 1 to 100, ` +
  `method ${methods.map((name) => `"${name}"`).join(", ")}, the stops numbers from 0 to 1`;

/** Those of the paper. */
const freeInitDefaults: Required<FreeInit> = {
  iterations: 5,
  method: "gaussian",
  spatialStop: 0.25,
  temporalStop: 0.25,
  order: 4,
};

/** With every default, or false. */
export function completedFreeInit(value: SampleRequest["freeInit"]): FreeInit | false {
  if (value === undefined || value === false) return false;
  return { ...freeInitDefaults, ...(value === true ? {} : defined(value)) };
}

/** Whether a value is texts by frames, one of them at the first. */
export function isOverTime(value: unknown, longest: number, most: number): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  if (entries.length > most || !Object.hasOwn(value, "0")) return false;
  return entries.every(
    ([frame, text]) => /^(0|[1-9]\d{0,5})$/.test(frame) && typeof text === "string" && text.length <= longest,
  );
}

/** In the order of their frames, and nobody else's to change. */
export function completedPrompt(prompt: SampleRequest["prompt"]): SampleRequest["prompt"] {
  return typeof prompt === "object" ? Object.freeze({ ...prompt }) : prompt;
}

/** A request's prompts with the frames at which they hold, in order. */
export function promptsOf(prompt: string | PromptsOverTime): { frame: number; text: string }[] {
  if (typeof prompt === "string") return [{ frame: 0, text: prompt }];
  return Object.entries(prompt).map(([frame, text]) => ({ frame: Number(frame), text }));
}
