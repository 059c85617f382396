import { CameoError } from "../errors.js";
import { notAllowed, within } from "../options/check.js";
import { checkRequest } from "../options/sample.js";
import { isOfStills, type ValidationRecipe } from "./recipe.js";
import type { CheckedRecipe } from "./recipe_schema.js";

/** Throws ERR_INVALID_OPTION for the first field that its own schema allows and the other fields don't. */
export function checkRules(recipe: CheckedRecipe): void {
  checkKind(recipe);
  checkObjective(recipe);
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

function checkKind({ kind, model, data: { frames, references } }: CheckedRecipe): void {
  const { motion, subject, referenceCrossAttention, noiseCorrelation } = model;
  const is = `where kind is "${kind}"`;
  if (isOfStills(kind)) {
    mustNotBe("model.motion", motion, `kind "${kind}"`);
    must(frames === undefined || frames === 1, "data.frames", frames, `1 or left out ${is}`);
  } else {
    must(motion !== undefined, "model.motion", motion, `the path of a MotionAdapter folder ${is}`);
  }
  if (kind !== "subject") {
    mustNotBe("model.subject", subject, `kind "${kind}"`);
    mustNotBe("model.referenceCrossAttention", referenceCrossAttention, `kind "${kind}"`);
    mustNotBe("model.noiseCorrelation", noiseCorrelation, `kind "${kind}"`);
    mustNotBe("data.references", references, `kind "${kind}"`);
  }
}

const vaeObjective = ["kl", "detail"];

/** The VAE is trained without noise and without a prompt, and nothing is sampled with it. */
function checkObjective({
  kind,
  data,
  objective,
  lora,
  validation,
  gradientCheckpointing,
}: CheckedRecipe): void {
  const isVae = kind === "vae";
  for (const [name, value] of Object.entries(objective)) {
    if (vaeObjective.includes(name) !== isVae) mustNotBe(`objective.${name}`, value, `kind "${kind}"`);
  }
  // A base folder says what its network predicts; the files of other kinds don't.
  if (kind !== "image") mustNotBe("objective.prediction", objective.prediction, `kind "${kind}"`);
  if (!isVae) return;
  mustNotBe("data.cache", data.cache, `kind "${kind}"`);
  mustNotBe("lora", lora, `kind "${kind}"`);
  mustNotBe("gradientCheckpointing", gradientCheckpointing || undefined, `kind "${kind}"`);
  mustNotBe("validation", validation, `kind "${kind}"`);
}

const groups = ["attn1", "motion", "text_encoder", "all"];

/** What a run's model has in it, by its kind: training anything else would be for nothing. */
const inModel: Record<CheckedRecipe["kind"], { has: (name: string) => boolean; allowed: string }> = {
  image: { has: (name) => name !== "motion", allowed: "something else: there are no motion modules" },
  motion: {
    has: (name) => name === "motion" || name.includes("motion_modules"),
    allowed: '"motion" or a glob with motion_modules in it: the model has nothing else',
  },
  subject: {
    has: (name) => name !== "text_encoder",
    allowed: "a part of the UNet: the model has no text encoder",
  },
  vae: {
    has: (name) => name === "all" || !groups.includes(name),
    allowed: '"all" or a glob over the VAE\'s parameters such as "decoder.*"',
  },
};

/** A name of no group is a glob; one without a dot or a star would match no parameter. */
function checkTrained({ kind, trained = [] }: CheckedRecipe): void {
  const names = `${groups.map((name) => `"${name}"`).join(", ")} or a glob such as "up_blocks.*.attn2.*"`;
  for (const name of trained) must(groups.includes(name) || /[.*]/.test(name), "trained", name, names);
  const { has, allowed } = inModel[kind];
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
  if (kind === "subject") must(has, `${place}reference`, undefined, `a picture of the subject ${is}`);
  else mustNotBe(`${place}reference`, has ? reference : undefined, `kind "${kind}"`);
  if (kind === "image") must((frames ?? 1) === 1, `${place}frames`, frames, `1 or left out ${is}`);
}
