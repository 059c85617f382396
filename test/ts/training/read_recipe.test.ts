import { join, relative, resolve } from "node:path";
import { test } from "tap";
import { completeRecipe } from "#ts/training/complete_recipe.js";
import type { CompleteDiffusionObjective, CompleteRecipe } from "#ts/training/complete_types.js";
import { openRecipe, readRecipe } from "#ts/training/read_recipe.js";
import type { Recipe } from "#ts/training/recipe.js";
import { changed, image, motion, request, subject, vae } from "../../support/recipes.js";
import { writeText } from "../data/helpers.js";

test("a subject's defaults are the paper's", async (t) => {
  t.strictSame(await readRecipe(subject), {
    kind: "subject",
    model: { base: resolve("sd15"), motion: resolve("motion-adapter") },
    data: {
      source: resolve("clips"),
      layout: "auto",
      caption: "a video of {class}",
      frames: 16,
      stride: 8,
      size: [[512, 512]],
      fit: "crop",
      cropPosition: "random",
      start: "random",
      references: {
        count: 1,
        candidates: 4,
        highlight: true,
        flip: 0.5,
        affine: { degrees: 10, translate: 0.1, scale: [0.9, 1.1] },
      },
      workers: 2,
      prefetch: 4,
    },
    objective: { alpha: 0.01, beta: 0.1, dropCondition: 0.1, minSnrGamma: 0, timestepShift: 1 },
    trained: ["attn1", "motion"],
    optimizer: {
      learningRate: 1e-5,
      warmup: 0,
      schedule: "constant",
      finalLearningRate: 0,
      betas: [0.9, 0.999],
      epsilon: 1e-8,
      weightDecay: 0.01,
      maxGradientNorm: 1,
    },
    steps: 1000,
    batch: 1,
    accumulation: 1,
    dtype: "fp32",
    modelDtype: "fp32",
    device: "auto",
    gradientCheckpointing: false,
    seed: 0,
    checkpoints: { every: 500, keep: 3 },
    distributed: { shardOptimizer: false, timeoutSeconds: 600 },
    output: resolve("runs/people"),
  });
});

test("each kind has defaults of its own", async (t) => {
  t.match(await readRecipe(motion), { trained: ["motion"], data: { frames: 16 } });
  t.match(await readRecipe(image), { trained: ["all"], data: { frames: 1 } });
  const { objective, ...stills } = await readRecipe(vae);
  t.match(stills, { trained: ["all"], data: { frames: 1 } });
  t.strictSame(objective, { kl: 1e-6, detail: 1 });
  const sharper = await readRecipe({ ...vae, objective: { detail: 2 } });
  t.strictSame(sharper.objective, { kl: 1e-6, detail: 2 });
  for (const recipe of [motion, image, vae]) t.notOk("references" in (await readRecipe(recipe)).data);
  const still = { ...image, validation: { every: 10, requests: [{ prompt: "" }] } };
  t.equal((await readRecipe(still)).validation?.format, "png");
  const film = { ...motion, validation: { every: 10, requests: [{ prompt: "" }] } };
  t.equal((await readRecipe(film)).validation?.format, "mp4");
});

test("what a run saved is completed to itself, with what came since by its default", async (t) => {
  const full: Recipe = {
    ...subject,
    ...{ ema: 0.99, lora: { rank: 4 }, batch: 3 },
    data: { ...subject.data, masks: "masks", cache: { folder: "cache" } },
    validation: { every: 10, requests: [request] },
  };
  for (const recipe of [image, motion, subject, vae, full]) {
    const saved: CompleteRecipe = JSON.parse(JSON.stringify(await readRecipe(recipe)));
    t.strictSame(completeRecipe(saved, "/"), saved);
  }
  const { timestepShift, ...objective } = (await readRecipe(subject)).objective as CompleteDiffusionObjective;
  t.strictSame(completeRecipe({ ...(await readRecipe(subject)), objective }, "/"), await readRecipe(subject));
});

test("fields have defaults by other fields", async (t) => {
  t.equal((await readRecipe({ ...subject, batch: 3 })).data.prefetch, 12);
  t.strictSame((await readRecipe({ ...subject, lora: { rank: 8 } })).lora, { rank: 8, alpha: 8 });
  t.strictSame((await readRecipe({ ...subject, lora: { rank: 8, alpha: 4 } })).lora, { rank: 8, alpha: 4 });
  const affine = changed(subject, "data.references.affine", { degrees: 5 });
  const { references } = (await readRecipe(affine)).data;
  t.strictSame(references?.affine, { degrees: 5, translate: 0.1, scale: [0.9, 1.1] });
  t.equal(references?.count, 1);
  const none = await readRecipe(changed(subject, "data.references.affine", false));
  t.equal(none.data.references?.affine, false);
  const sizes = await readRecipe(
    changed(subject, "data.size", [
      [512, 320],
      [320, 512],
    ]),
  );
  t.strictSame(sizes.data.size, [
    [512, 320],
    [320, 512],
  ]);
});

test("every path is absolute, from the recipe's folder or from the working directory", async (t) => {
  const recipe: Recipe = {
    ...subject,
    model: { base: "../sd15", motion: "/models/motion", subject: "start.safetensors" },
    data: { ...subject.data, root: ".", masks: "masks", cache: { folder: "cache" } },
    validation: {
      every: 100,
      requests: [
        { prompt: "One.", reference: "me.png" },
        {
          prompt: "Two.",
          reference: ["a.png", "/b.png", "https://example.org/c.png", "data:image/png;base64,"],
        },
      ],
    },
  };
  const folder = t.testdir({ recipes: { "people.json": JSON.stringify(recipe) } });
  const from = (base: string) => (path: string) => resolve(base, path);
  for (const [given, path] of [
    [join(relative(".", folder), "recipes", "people.json"), from(join(folder, "recipes"))],
    [recipe, from(process.cwd())],
  ] as const) {
    const { model, data, validation, output } = await readRecipe(given);
    t.strictSame(model, {
      base: path("../sd15"),
      motion: "/models/motion",
      subject: path("start.safetensors"),
    });
    t.match(data, { source: path("clips"), root: path("."), masks: path("masks") });
    t.strictSame(data.cache, { folder: path("cache"), variants: 1 });
    t.equal(output, path("runs/people"));
    t.strictSame(validation?.requests, [
      { prompt: "One.", reference: path("me.png") },
      {
        prompt: "Two.",
        reference: [path("a.png"), "/b.png", "https://example.org/c.png", "data:image/png;base64,"],
      },
    ]);
  }
});

test("a run's folder keeps paths that find all again where it was moved together with it", async (t) => {
  const recipe: Recipe = {
    ...subject,
    model: { base: "models/sd15", motion: "/models/motion", subject: "start.safetensors" },
    data: { ...subject.data, root: "data", masks: "data/masks", cache: { folder: "cache" } },
    validation: {
      every: 100,
      requests: [{ prompt: "", reference: ["me.png", "/b.png", "https://example.org/c.png"] }],
    },
    output: "runs/people",
  };
  const folder = t.testdir({ old: { "people.json": JSON.stringify(recipe) } });
  const { complete, movable } = await openRecipe(join(folder, "old", "people.json"));
  const written = JSON.parse(JSON.stringify(movable));
  t.match(written, {
    model: { base: "../../models/sd15", motion: "/models/motion", subject: "../../start.safetensors" },
    data: {
      source: "../../clips",
      root: "../../data",
      masks: "../../data/masks",
      cache: { folder: "../../cache" },
    },
    output: ".",
  });
  t.strictSame(written.validation.requests[0].reference, [
    "../../me.png",
    "/b.png",
    "https://example.org/c.png",
  ]);
  for (const place of ["old", "new"]) {
    writeText(join(folder, place, "runs", "people", "recipe.json"), JSON.stringify(movable));
    const again = await openRecipe(join(folder, place, "runs", "people", "recipe.json"));
    const there = JSON.stringify(complete).replaceAll(join(folder, "old"), join(folder, place));
    t.strictSame(JSON.parse(JSON.stringify(again.complete)), JSON.parse(there));
    t.strictSame(again.movable, movable, "and stays as it is");
  }
});

test("a file may have comments, trailing commas and a byte order mark", async (t) => {
  const text = `\uFEFF// Our cat.
{
  "kind": "motion", /* on clips */
  "model": { "base": "sd15", "motion": "motion", },
  "data": { "source": "clips", "size": [64, 64], },
  "steps": 10, // few
  "output": "run",
}
`;
  const folder = t.testdir({ "cat.jsonc": text });
  t.match(await readRecipe(join(folder, "cat.jsonc")), { steps: 10, output: join(folder, "run") });
});

test("a complete recipe is complete already", async (t) => {
  for (const recipe of [
    { ...subject, ema: 0.999, lora: { rank: 4 }, validation: { every: 5, requests: [request] } },
    motion,
    image,
  ]) {
    const complete = await readRecipe(recipe);
    const folder = t.testdir({ "recipe.json": JSON.stringify(complete) });
    t.strictSame(await readRecipe(join(folder, "recipe.json")), complete);
    t.strictSame(await readRecipe(JSON.parse(JSON.stringify(complete))), complete);
  }
});

test("undefined is as if left out", async (t) => {
  const recipe = { ...motion, ema: undefined, lora: undefined, trained: undefined, validation: undefined };
  t.strictSame(await readRecipe(recipe), await readRecipe(motion));
});
