import { z } from "zod";
import { option } from "../options/check.js";
import { deviceName, deviceNames } from "../options/schema.js";
import { kinds } from "./kinds.js";
import type { ValidationRecipe } from "./recipe.js";

const path = z.string().min(1);
const folder = option(path, "the path of a folder");
const flag = (byDefault: boolean) => option(z.boolean().default(byDefault), "true or false");
const probability = z.number().min(0).max(1);
const probabilities = "a number from 0 to 1";
const positive = z.int().min(1);
const positives = "a whole number of at least 1";
const count = (byDefault: number) => option(positive.default(byDefault), positives);
const side = z.int().min(8).max(4096).multipleOf(8);
const size = z.tuple([side, side]);
const range = z.tuple([z.number().positive(), z.number()]).refine(([least, most]) => least <= most);

/** One of several names; the first is the default. */
function oneOf<const T extends readonly [string, ...string[]]>(...names: T) {
  return option(z.enum(names).default(names[0] as never), quoted(names));
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(" or ");
}

function group<S extends z.ZodRawShape>(shape: S) {
  return option(z.strictObject(shape), `an object of ${Object.keys(shape).join(", ")}`);
}

/** A group with a default for each of its fields may be left out. */
function optionalGroup<S extends z.ZodRawShape>(shape: S) {
  const schema = group(shape);
  return option(schema.prefault({} as never), schema.description as string);
}

const model = group({
  base: option(path, "the path of a model's folder"),
  motion: option(path.optional(), "the path of a MotionAdapter folder"),
  subject: option(path.optional(), "the path of a subject model's weights"),
  referenceCrossAttention: option(z.boolean().optional(), "true or false"),
  noiseCorrelation: option(z.number().min(0).lt(1).optional(), "a number from 0 to less than 1"),
});

const affine = z.strictObject({
  degrees: z.number().min(0).max(180).default(10),
  translate: probability.default(0.1),
  scale: range.default([0.9, 1.1]),
});

/** References are of a subject: their defaults are for a recipe of that kind alone. */
export const referenceSchema = group({
  count: count(1),
  candidates: count(4),
  highlight: flag(true),
  flip: option(probability.default(0.5), probabilities),
  affine: option(
    z.union([z.literal(false), affine]).prefault({}),
    "false or an object of degrees (0 to 180), translate (0 to 1) and scale ([least, most], above 0)",
  ),
  subjects: option(
    z
      .strictObject({
        count: option(z.int().min(2).max(16), "a whole number from 2 to 16"),
        grow: option(probability.default(0.25), probabilities),
      })
      .optional(),
    "an object of count and grow",
  ),
});

const data = group({
  source: option(path, "the path of a folder of clips or of a list (.csv or .jsonl)"),
  layout: oneOf("auto", "folder", "classes", "list"),
  root: option(path.optional(), "the path of a folder"),
  caption: option(
    z.string().includes("{class}").default("a video of {class}"),
    "a caption with {class} where the class's name goes",
  ),
  masks: option(path.optional(), "the path of a folder"),
  frames: option(z.int().min(1).max(1024).optional(), "a whole number from 1 to 1024"),
  stride: count(8),
  size: option(
    z.union([size.transform((one) => [one]), z.array(size).min(1)]),
    "[width, height], each a multiple of 8 from 8 to 4096, or an array of such pairs",
  ),
  fit: oneOf("crop", "pad"),
  cropPosition: oneOf("random", "center"),
  start: oneOf("random", "first"),
  references: option(referenceSchema.optional(), referenceSchema.description as string),
  workers: option(z.int().min(1).max(256).default(2), "a whole number from 1 to 256"),
  prefetch: option(positive.optional(), positives),
  cache: option(
    z.strictObject({ folder, variants: count(1) }).optional(),
    "an object of folder and variants",
  ),
});

const logNormal = option(
  z.tuple([z.number().min(-20).max(20), z.number().min(0).max(10)]).optional(),
  "[mean, deviation] of a logarithm: from -20 to 20, and from 0 to 10",
);
const weight = option(z.number().min(0).optional(), "a number of at least 0");

/** Which of them a recipe may have, and their defaults, depends on its kind. */
const objective = optionalGroup({
  prediction: option(z.enum(["epsilon", "v"]).optional(), quoted(["epsilon", "v"])),
  alpha: option(probability.optional(), probabilities),
  beta: weight,
  dropCondition: option(probability.optional(), probabilities),
  dropPrompt: option(probability.optional(), probabilities),
  minSnrGamma: option(z.number().min(0).optional(), "a number of at least 0; 0 is no weighting"),
  timestepShift: option(z.number().positive().optional(), "a number above 0; 1 is no shift"),
  timesteps: option(z.enum(["logit-normal", "uniform"]).optional(), quoted(["logit-normal", "uniform"])),
  guidanceScale: option(z.number().min(0).max(100).optional(), "a number from 0 to 100"),
  logSigma: logNormal,
  logAugmentation: logNormal,
  fps: option(z.number().positive().max(240).optional(), "a number above 0 and at most 240"),
  motionBucket: option(z.number().min(0).max(1023).optional(), "a number from 0 to 1023"),
  kl: weight,
  detail: weight,
});

const decay = z.number().min(0).lt(1);

const optimizer = optionalGroup({
  learningRate: option(z.number().positive().default(1e-5), "a number above 0"),
  warmup: option(z.int().min(0).default(0), "a whole number of at least 0"),
  schedule: oneOf("constant", "cosine"),
  finalLearningRate: option(z.number().min(0).default(0), "a number of at least 0"),
  betas: option(z.tuple([decay, decay]).default([0.9, 0.999]), "two numbers from 0 to below 1"),
  epsilon: option(z.number().positive().default(1e-8), "a number above 0"),
  weightDecay: option(z.number().min(0).default(0.01), "a number of at least 0"),
  maxGradientNorm: option(z.number().min(0).default(1), "a number of at least 0; 0 is no clipping"),
});

/** Its fields are checked as those of `Pipeline.sample` are. */
const request = z.custom<ValidationRecipe["requests"][number]>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);

const validation = z.strictObject({
  every: option(positive, positives),
  requests: option(z.array(request).min(1), "an array of one or more requests, each an object"),
  format: option(
    z.enum(["mp4", "webm", "gif", "webp", "apng", "png"]).optional(),
    quoted(["mp4", "webm", "gif", "webp", "apng", "png"]),
  ),
});

const lora = z.strictObject({
  rank: option(z.int().min(1).max(1024), "a whole number from 1 to 1024"),
  alpha: option(z.number().positive().optional(), "a number above 0"),
});

const kindNames = Object.keys(kinds) as (keyof typeof kinds)[];

/** Every field by itself; how fields depend on one another is checked in recipe_rules.ts. */
export const recipeSchema = z.strictObject({
  kind: option(z.enum(kindNames), quoted(kindNames)),
  model,
  data,
  objective,
  trained: option(
    z.array(path).min(1).optional(),
    'an array of "attn1", "motion", "text_encoder", "attention", "all" or globs such as "up_blocks.*.attn2.*"',
  ),
  lora: option(lora.optional(), "an object of rank and alpha"),
  optimizer,
  steps: option(positive, positives),
  batch: count(1),
  accumulation: count(1),
  ema: option(z.number().gt(0).lt(1).optional(), "a number above 0 and below 1, such as 0.9999"),
  dtype: oneOf("fp32", "bf16"),
  modelDtype: oneOf("fp32", "fp16", "bf16"),
  device: option(deviceName.default("auto"), deviceNames),
  gradientCheckpointing: flag(false),
  seed: option(z.int().min(0).default(0), `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`),
  checkpoints: optionalGroup({ every: count(500), keep: count(3) }),
  validation: option(validation.optional(), "an object of every, requests and format"),
  distributed: optionalGroup({
    shardOptimizer: flag(false),
    timeoutSeconds: option(z.number().positive().default(600), "a number above 0"),
  }),
  output: option(path, "the path of the run's folder"),
});

export type CheckedRecipe = z.output<typeof recipeSchema>;
