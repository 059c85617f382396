import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "jsonc-parser";
import { test } from "tap";
import { readRecipe } from "#ts/training/read_recipe.js";
import type { Recipe } from "#ts/training/recipe.js";

const folder = "examples/train";

test("every example is a recipe with paths beside it", async (t) => {
  const names = readdirSync(folder);
  t.strictSame(names.sort(), [
    "cogvideox-lora.jsonc",
    "image.jsonc",
    "motion.jsonc",
    "objects.jsonc",
    "one-step.jsonc",
    "people-lora.jsonc",
    "people.jsonc",
    "svd-fine.jsonc",
    "svd-pictures.jsonc",
    "svd-small.jsonc",
    "vae.jsonc",
    "wan-lora.jsonc",
    "wan-subject.jsonc",
  ]);
  const outputs = new Set<string>();
  for (const name of names) {
    const { kind, model, validation, output } = await readRecipe(join(folder, name));
    t.ok(model.base.startsWith(resolve(folder, "models")), name);
    t.ok(kind === "vae" || (validation && validation.requests.length > 0), name);
    outputs.add(output);
  }
  t.equal(outputs.size, names.length, "each has an output of its own");
});

test("people and objects have the paper's setting", async (t) => {
  for (const [name, steps] of [
    ["people", 150_000],
    ["objects", 100_000],
  ] as const) {
    t.match(await readRecipe(join(folder, `${name}.jsonc`)), {
      kind: "subject",
      trained: ["attn1", "motion"],
      data: {
        size: [[512, 512]],
        frames: 16,
        stride: 8,
        references: { count: 1, candidates: 4, highlight: true },
      },
      objective: { alpha: 0.01, beta: 0.1, dropCondition: 0.1 },
      optimizer: { learningRate: 1e-5, weightDecay: 0.01, schedule: "constant", warmup: 0 },
      steps,
      batch: 1,
      accumulation: 1,
      dtype: "bf16",
      gradientCheckpointing: true,
    });
  }
});

test("each can be tried small, as the guide says", async (t) => {
  const guide = readFileSync("docs/training.md", "utf8");
  const [, said = ""] = guide.match(/^Try it small first: (.*?)$\n\n/ms) ?? [];
  // `"steps": 20`, and `"validation": { "every": 10, ... }` where the recipe has one.
  const fields = Array.from(said.matchAll(/"(\w+)": (?:\{ "(\w+)": )?(\d+)/g));
  t.strictSame(
    fields.map(([, ...field]) => field),
    [
      ["steps", undefined, "20"],
      ["validation", "every", "10"],
    ],
  );
  for (const name of readdirSync(folder)) {
    const recipe = parse(readFileSync(join(folder, name), "utf8")) as Recipe;
    const { validation } = recipe;
    const small: Recipe = {
      ...recipe,
      steps: 20,
      ...(validation && { validation: { ...validation, every: 10 } }),
      output: "runs/try",
    };
    await t.resolves(readRecipe(small), name);
  }
});
