import type { Recipe } from "#ts/training/recipe.js";

/** A recipe of each kind with no more than it must have. */
export const subject: Recipe = {
  kind: "subject",
  model: { base: "sd15", motion: "motion-adapter" },
  data: { source: "clips", size: [512, 512] },
  steps: 1000,
  output: "runs/people",
};
export const motion: Recipe = { ...subject, kind: "motion" };
export const image: Recipe = { ...subject, kind: "image", model: { base: "sd15" } };
export const vae: Recipe = { ...image, kind: "vae" };
/** Of a validation. */
export const request = { prompt: "A man.", reference: "me.png" };

/** A copy of a recipe with one field, by its dotted name, set or (undefined) taken out. */
export function changed(recipe: Recipe, field: string, value: unknown): Recipe {
  const copy = structuredClone(recipe) as unknown as Record<string, unknown>;
  const names = field.split(".");
  const last = names.pop() as string;
  let group = copy;
  for (const name of names) {
    group[name] ??= {};
    group = group[name] as Record<string, unknown>;
  }
  if (value === undefined) delete group[last];
  else group[last] = value;
  return copy as unknown as Recipe;
}
