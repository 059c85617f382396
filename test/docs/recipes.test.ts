import { test } from "tap";
import { readRecipe } from "#ts/training/read_recipe.js";
import type { Recipe } from "#ts/training/recipe.js";
import { fencedBlocks } from "../support/markdown.js";

test("every piece of a recipe in the documentation fits into one", async (t) => {
  const blocks = fencedBlocks("json");
  t.ok(blocks.length > 0);
  for (const { text, place } of blocks) {
    const rest: Omit<Recipe, "data"> = {
      kind: "subject",
      model: { base: "sd15", motion: "motion-adapter" },
      steps: 1,
      output: "runs/new",
    };
    const recipe = { ...rest, ...JSON.parse(`{${text}}`) } as Recipe;
    await t.resolves(readRecipe(recipe), place);
  }
});
