import { isAbsolute, relative, resolve } from "node:path";
import { isHubName } from "../hub/index.js";
import { urlOf } from "../media/source.js";
import { checkOptions, within } from "../options/check.js";
import { defined } from "../options/defined.js";
import { checkHubNames } from "../options/hub_models.js";
import type { CompleteDataRecipe, CompleteRecipe } from "./complete_types.js";
import { kinds } from "./kinds.js";
import type { ValidationRecipe } from "./recipe.js";
import { checkRules } from "./recipe_rules.js";
import { type CheckedRecipe, recipeSchema, referenceSchema } from "./recipe_schema.js";

/**
 * The recipe with every default filled in and its relative paths resolved against `folder`; ERR_INVALID_OPTION
 * names the first field that is wrong, by itself or beside another one. Whether files exist isn't looked at.
 */
export function completeRecipe(recipe: unknown, folder: string): CompleteRecipe {
  return withPaths(withDefaults(recipe), (path) => resolve(folder, path));
}

/**
 * The complete recipe as the run's folder keeps it: paths that are relative in `recipe` are relative to that folder, and
 * the output is where it lies, so that the run can be moved together with what it is of.
 */
export function movableRecipe(recipe: unknown, folder: string): CompleteRecipe {
  const complete = withDefaults(recipe);
  const output = resolve(folder, complete.output);
  const moved = withPaths(complete, (path) =>
    isAbsolute(path) ? path : relative(output, resolve(folder, path)) || ".",
  );
  return { ...moved, output: "." };
}

function withDefaults(recipe: unknown): CompleteRecipe {
  const checked = checkOptions(recipeSchema, recipe);
  within("model.", () => checkHubNames(checked.model));
  checkRules(checked);
  const { model, lora, validation } = checked;
  const { objective, trained, adapted, stills } = kinds[checked.kind];
  return defined({
    ...checked,
    model: defined(model),
    data: completeData(checked),
    objective: { ...objective.defaults, ...defined(checked.objective) },
    trained: checked.trained ?? [...((lora && adapted) || trained)],
    lora: lora && { rank: lora.rank, alpha: lora.alpha ?? lora.rank },
    validation: validation && {
      every: validation.every,
      requests: validation.requests.map((request) => defined(request)),
      format: validation.format ?? (stills ? "png" : "mp4"),
    },
  });
}

function completeData({ kind, data, batch }: CheckedRecipe): CompleteDataRecipe {
  const { stills, references } = kinds[kind];
  return defined({
    ...data,
    frames: data.frames ?? (stills ? 1 : 16),
    references: references ? defined(data.references ?? referenceSchema.parse({})) : undefined,
    prefetch: data.prefetch ?? 4 * batch,
  });
}

type PathMap = (path: string) => string;

/** The recipe with every path in it mapped. */
function withPaths(recipe: CompleteRecipe, map: PathMap): CompleteRecipe {
  const { model, data, validation, output } = recipe;
  const { base, motion, subject } = model;
  const mapModel = (path: string) => (isHubName(path) ? path : map(path));
  const { source, root, masks, cache } = data;
  return defined({
    ...recipe,
    model: defined({
      ...model,
      base: mapModel(base),
      motion: motion && mapModel(motion),
      subject: subject && mapModel(subject),
    }),
    data: defined({
      ...data,
      source: map(source),
      root: root && map(root),
      masks: masks && map(masks),
      cache: cache && { ...cache, folder: map(cache.folder) },
    }),
    validation: validation && {
      ...validation,
      requests: validation.requests.map((request) => withPicturePaths(request, map)),
    },
    output: map(output),
  });
}

type Request = ValidationRecipe["requests"][number];

function withPicturePaths(request: Request, map: PathMap): Request {
  const mapped = <T>(source: T) =>
    typeof source === "string" && urlOf(source) === undefined ? map(source) : source;
  const { reference, image } = request;
  return defined({
    ...request,
    reference: Array.isArray(reference) ? reference.map(mapped) : mapped(reference),
    image: mapped(image),
  });
}
