import { CameoError } from "../errors.js";
import { notAllowed, within } from "../options/check.js";
import { checkRequest } from "../options/sample.js";
import { kinds, parameterGroups } from "./kinds.js";
import type { ValidationRecipe } from "./recipe.js";
import type { CheckedRecipe } from "./recipe_schema.js";

/** Throws ERR_INVALID_OPTION for the first field that its own schema allows and the other fields don't. */
export function checkRules(recipe: CheckedRecipe): void {
  checkKind(recipe);
  checkTrained(recipe);
  checkOptimizer(recipe);
  recipe.validation?.requests.forEach((request, i) => {
    checkValidation(recipe.kind, request, `validation.requests[${i}].`);
  });
}

function must(holds: boolean, name: string, value: unknown, allowed: string): void {
  if (!holds) throw notAllowed(name, value, allowed);
}

function mustNotBe(name: string, value: unknown, where: string): void {
  if (value === undefined) return;
  throw new CameoError("ERR_INVALID_OPTION", `${name} is not for ${where}; leave it out`);
}

const ofSubject = [
  "model.subject",
  "model.referenceCrossAttention",
  "model.noiseCorrelation",
  "data.references",
];

function checkKind(recipe: CheckedRecipe): void {
  const { kind, model, data, objective } = recipe;
  const is = `where kind is "${kind}"`;
  const { stills, motion, references, without, objective: taken } = kinds[kind];
  const excluded = [...(motion ? [] : ["model.motion"]), ...(references ? [] : ofSubject), ...without];
  for (const field of excluded) mustNotBe(field, fieldOf(recipe, field), `kind "${kind}"`);
  if (stills) {
    must((data.frames ?? 1) === 1, "data.frames", data.frames, `1 or left out ${is}`);
  }
  if (motion) {
    must(model.motion !== undefined, "model.motion", undefined, `the path of a MotionAdapter folder ${is}`);
  }
  if (kinds[kind].adaptersOnly) {
    must(recipe.lora !== undefined, "lora", undefined, `an object of rank and alpha ${is}`);
  }
  const fields: string[] = [...Object.keys(taken.defaults), ...taken.others];
  for (const [name, value] of Object.entries(objective)) {
    if (!fields.includes(name)) mustNotBe(`objective.${name}`, value, `kind "${kind}"`);
  }
}

/** Of a field by its dotted name; undefined, too, for a switch that is off. */
function fieldOf(recipe: CheckedRecipe, field: string): unknown {
  const value = field.split(".").reduce<unknown>((group, key) => (group as never)?.[key], recipe);
  return value === false ? undefined : value;
}

/** A name of no group is a glob; one without a dot or a star would match no parameter. */
function checkTrained({ kind, trained = [] }: CheckedRecipe): void {
  const names = `${parameterGroups.map((name) => `"${name}"`).join(", ")} or a glob such as "up_blocks.*.attn2.*"`;
  for (const name of trained)
    must(parameterGroups.includes(name) || /[.*]/.test(name), "trained", name, names);
  const { has, allowed } = kinds[kind].trainable;
  for (const name of trained) must(has(name), "trained", name, `${allowed} where kind is "${kind}"`);
}

function checkOptimizer({ optimizer: { learningRate, finalLearningRate } }: CheckedRecipe): void {
  const most = `at most optimizer.learningRate, ${learningRate}`;
  must(finalLearningRate <= learningRate, "optimizer.finalLearningRate", finalLearningRate, most);
}

/** What `Pipeline.sample` takes and a recipe can't say. */
const callOptions = ["signal", "onProgress", "preview", "saveLatents"];

function checkValidation(
  kind: CheckedRecipe["kind"],
  request: ValidationRecipe["requests"][number],
  place: string,
): void {
  const { reference, frames, ...rest } = within(place, () => checkRequest(request));
  for (const name of callOptions) {
    mustNotBe(`${place}${name}`, (rest as Record<string, unknown>)[name], "a recipe");
  }
  for (const side of ["width", "height"] as const) {
    must((rest[side] ?? 0) % 8 === 0, `${place}${side}`, rest[side], "a multiple of 8");
  }
  const is = `where kind is "${kind}"`;
  const has = Array.isArray(reference) ? reference.length > 0 : reference !== undefined;
  const { references, stills } = kinds[kind];
  if (references) must(has, `${place}reference`, undefined, `a picture of the subject ${is}`);
  else mustNotBe(`${place}reference`, has ? reference : undefined, `kind "${kind}"`);
  if (stills) must((frames ?? 1) === 1, `${place}frames`, frames, `1 or left out ${is}`);
}
