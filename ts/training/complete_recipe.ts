import { resolve } from "node:path";
import { urlOf } from "../media/source.js";
import { checkOptions } from "../options/check.js";
import { defined } from "../options/defined.js";
import {
  type CompleteDataRecipe,
  type CompleteDiffusionObjective,
  type CompleteRecipe,
  type CompleteVaeObjective,
  isOfStills,
  type Recipe,
  type ValidationRecipe,
} from "./recipe.js";
import { checkRules } from "./recipe_rules.js";
import { type CheckedRecipe, recipeSchema, referenceSchema } from "./recipe_schema.js";

type Kind = Recipe["kind"];

const trainedByDefault: Record<Kind, string[]> = {
  image: ["all"],
  motion: ["motion"],
  subject: ["attn1", "motion"],
  vae: ["all"],
};

const diffusionObjective: CompleteDiffusionObjective = {
  alpha: 0.01,
  beta: 0.1,
  dropCondition: 0.1,
  minSnrGamma: 0,
  timestepShift: 1,
};
const vaeObjective: CompleteVaeObjective = { kl: 1e-6, detail: 1 };

/**
 * The recipe with every default filled in and its relative paths resolved against `folder`; ERR_INVALID_OPTION
 * names the first field that is wrong, by itself or beside another one. Whether files exist isn't looked at.
 */
export function completeRecipe(recipe: unknown, folder: string): CompleteRecipe {
  const checked = checkOptions(recipeSchema, recipe);
  checkRules(checked);
  const { kind, model, lora, validation, output } = checked;
  const path = (relative: string) => resolve(folder, relative);
  const optionalPath = (relative: string | undefined) => relative && path(relative);
  return defined({
    ...checked,
    model: defined({
      ...model,
      base: path(model.base),
      motion: optionalPath(model.motion),
      subject: optionalPath(model.subject),
    }),
    data: completeData(checked, path),
    objective: {
      ...(kind === "vae" ? vaeObjective : diffusionObjective),
      ...defined(checked.objective),
    },
    trained: checked.trained ?? trainedByDefault[kind],
    lora: lora && { rank: lora.rank, alpha: lora.alpha ?? lora.rank },
    validation: validation && {
      every: validation.every,
      requests: validation.requests.map((request) => completeRequest(request, path)),
      format: validation.format ?? (kind === "image" ? "png" : "mp4"),
    },
    output: path(output),
  });
}

function completeData(
  { kind, data, batch }: CheckedRecipe,
  path: (relative: string) => string,
): CompleteDataRecipe {
  const { root, masks, references, cache } = data;
  return defined({
    ...data,
    source: path(data.source),
    root: root && path(root),
    masks: masks && path(masks),
    frames: data.frames ?? (isOfStills(kind) ? 1 : 16),
    references: kind === "subject" ? (references ?? referenceSchema.parse({})) : undefined,
    prefetch: data.prefetch ?? 4 * batch,
    cache: cache && { ...cache, folder: path(cache.folder) },
  });
}

type Request = ValidationRecipe["requests"][number];

function completeRequest(request: Request, path: (relative: string) => string): Request {
  const absolute = <T>(source: T) =>
    typeof source === "string" && urlOf(source) === undefined ? path(source) : source;
  const { reference } = request;
  return defined({
    ...request,
    reference: Array.isArray(reference) ? reference.map(absolute) : absolute(reference),
  });
}
