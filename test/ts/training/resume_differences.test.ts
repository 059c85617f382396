import { test } from "tap";
import type { CompleteRecipe } from "#ts/training/complete_types.js";
import { readRecipe } from "#ts/training/read_recipe.js";
import type { Recipe } from "#ts/training/recipe.js";
import { resumeDifferences } from "#ts/training/resume_differences.js";

const recipe: Recipe = {
  kind: "subject",
  model: { base: "sd15", motion: "motion-adapter" },
  data: { source: "clips", size: [512, 512] },
  steps: 1000,
  output: "run",
};

/** As it is after its way through the run's recipe.json. */
async function saved(changes: Partial<Recipe> = {}): Promise<CompleteRecipe> {
  return JSON.parse(JSON.stringify(await readRecipe({ ...recipe, ...changes })));
}

async function differences(before: Partial<Recipe>, after: Partial<Recipe>): Promise<string[]> {
  const found = resumeDifferences(await saved(before), await readRecipe({ ...recipe, ...after }));
  return found.map(({ name }) => name);
}

test("nothing differs from itself", async (t) => {
  t.strictSame(await differences({}, {}), []);
  const full = { ema: 0.99, lora: { rank: 4 }, data: { ...recipe.data, cache: { folder: "a" } } };
  t.strictSame(await differences(full, full), []);
});

test("where a run is computed and what it writes may change", async (t) => {
  const requests = [{ prompt: "A man.", reference: "me.png" }];
  const after: Partial<Recipe> = {
    output: "elsewhere",
    device: "cpu",
    checkpoints: { every: 10, keep: 1 },
    validation: { every: 5, requests },
    data: { ...recipe.data, workers: 7, prefetch: 99 },
    distributed: { timeoutSeconds: 5 },
  };
  t.strictSame(await differences({}, after), []);
  const cached = (folder: string) => ({ data: { ...recipe.data, cache: { folder } } });
  t.strictSame(await differences(cached("a"), cached("b")), []);
});

test("where its data and weights lie may change: they are known by their content", async (t) => {
  const model = { base: "/moved/sd15", motion: "/moved/motion", subject: "/moved/start.safetensors" };
  const data = { ...recipe.data, source: "/moved/clips", root: "/moved", masks: "/moved/masks" };
  t.strictSame(await differences({}, { model, data }), []);
});

test("what a run computes may not", async (t) => {
  const { data } = recipe;
  const changes: [Partial<Recipe>, string[]][] = [
    [{ seed: 1 }, ["seed"]],
    [{ batch: 2 }, ["batch"]],
    [{ ema: 0.99 }, ["ema"]],
    [{ lora: { rank: 4 } }, ["lora.rank", "lora.alpha"]],
    [{ trained: ["attn1"] }, ["trained"]],
    [{ model: { ...recipe.model, noiseCorrelation: 0.5 } }, ["model.noiseCorrelation"]],
    [{ optimizer: { learningRate: 1e-4, betas: [0.8, 0.9] } }, ["optimizer.learningRate", "optimizer.betas"]],
    [{ data: { ...data, size: [512, 320] } }, ["data.size"]],
    [{ data: { ...data, references: { flip: 0 } } }, ["data.references.flip"]],
    [{ data: { ...data, cache: { folder: "a", variants: 2 } } }, ["data.cache.variants"]],
    [{ distributed: { shardOptimizer: true } }, ["distributed.shardOptimizer"]],
  ];
  for (const [after, names] of changes) {
    t.strictSame(await differences({}, after), names);
  }
});

test("steps may grow where no schedule depends on them", async (t) => {
  t.strictSame(await differences({}, { steps: 2000 }), []);
  t.strictSame(await differences({}, { steps: 999 }), ["steps"]);
  const cosine = { optimizer: { schedule: "cosine" as const } };
  t.strictSame(await differences(cosine, { ...cosine, steps: 2000 }), ["steps"]);
  t.strictSame(await differences({}, { ...cosine, steps: 2000 }), ["optimizer.schedule", "steps"]);
});
