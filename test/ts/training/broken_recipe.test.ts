import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { readRecipe } from "#ts/training/read_recipe.js";
import type { Recipe } from "#ts/training/recipe.js";
import { changed, image, motion, request, subject, vae } from "../../support/recipes.js";

test("a broken recipe is one line that names the field, its value and what is allowed", async (t) => {
  const validation = (...requests: object[]) => ({ every: 1, requests });
  const broken: [Recipe, field: string, value: unknown, message: RegExp][] = [
    [
      subject,
      "kind",
      undefined,
      /^kind is missing; it must be "image" or "motion" or "subject" or "vae" or "svd" or "cogvideox" or "wan" or "phantom" or "film-vae" or "distillation"$/,
    ],
    [
      subject,
      "kind",
      "video",
      /^kind: 'video' is not allowed; it must be "image" or "motion" or "subject" or "vae" or "svd" or "cogvideox" or "wan" or "phantom" or "film-vae" or "distillation"$/,
    ],
    [image, "objective.logSigma", [0, 1], /^objective\.logSigma is not for kind "image"; leave it out$/],
    [image, "kind", "distillation", /^lora is missing; .* rank and alpha where kind is "distillation"$/],
    [subject, "stepz", 5, /^stepz is not an option; did you mean steps\?$/],
    [subject, "data.frame", 5, /^data\.frame is not an option; did you mean data\.frames\?$/],
    [
      subject,
      "data.references.qqqqqqqqq",
      5,
      /^data\.references\.qqqqqqqqq is not .*of data\.references are count, /,
    ],
    [
      subject,
      "model",
      "sd15",
      /^model: 'sd15' is not allowed; it must be an object of base, motion, subject, reference/,
    ],
    [subject, "model.base", undefined, /^model\.base is missing; it must be the path of a model's folder/],
    [
      subject,
      "model.motion",
      undefined,
      /^model\.motion is missing; .* MotionAdapter folder where kind is "subject"$/,
    ],
    [motion, "model.motion", undefined, /^model\.motion is missing; .* where kind is "motion"$/],
    [image, "model.motion", "m", /^model\.motion is not for kind "image"; leave it out$/],
    [motion, "model.subject", "s", /^model\.subject is not for kind "motion"; leave it out$/],
    [
      motion,
      "model.referenceCrossAttention",
      true,
      /^model\.referenceCrossAttention is not for kind "motion"/,
    ],
    [motion, "model.noiseCorrelation", 0.5, /^model\.noiseCorrelation is not for kind "motion"/],
    [
      subject,
      "model.noiseCorrelation",
      1,
      /^model\.noiseCorrelation: 1 is not allowed; it must be a number from 0 to less than 1$/,
    ],
    [
      subject,
      "model.referenceCrossAttention",
      "no",
      /^model\.referenceCrossAttention: 'no' is not allowed; it must be true or false$/,
    ],
    [
      subject,
      "data.source",
      "",
      /^data\.source: '' is not allowed; it must be the path of a folder of clips/,
    ],
    [
      subject,
      "data.layout",
      "flat",
      /^data\.layout: 'flat' is not .* "auto" or "folder" or "classes" or "list"$/,
    ],
    [subject, "data.caption", "a dog", /^data\.caption: 'a dog' is not allowed; .* with \{class\} where/],
    [
      subject,
      "data.size",
      undefined,
      /^data\.size is missing; it must be \[width, height\], each a multiple of 8/,
    ],
    [subject, "data.size", [512, 500], /^data\.size: \[ 512, 500 \] is not allowed; .* multiple of 8/],
    [
      subject,
      "data.size",
      [[512, 512], [512]],
      /^data\.size: \[ \[ 512, 512 \], \[ 512 \] \] is not allowed/,
    ],
    [subject, "data.stride", 0, /^data\.stride: 0 is not allowed; it must be a whole number of at least 1$/],
    [
      image,
      "data.frames",
      16,
      /^data\.frames: 16 is not allowed; it must be 1 or left out where kind is "image"$/,
    ],
    [motion, "data.references", {}, /^data\.references is not for kind "motion"; leave it out$/],
    [
      subject,
      "data.references.flip",
      2,
      /^data\.references\.flip: 2 is not allowed; it must be a number from 0 to 1$/,
    ],
    [
      subject,
      "data.references.affine",
      { scale: [1.1, 0.9] },
      /^data\.references\.affine: .* \(\[least, most\], above 0\)$/,
    ],
    [vae, "model.motion", "motion-adapter", /^model\.motion is not for kind "vae"; leave it out$/],
    [vae, "data.frames", 2, /^data\.frames: 2 is not allowed; it must be 1 or left out where kind is "vae"$/],
    [vae, "data.references", {}, /^data\.references is not for kind "vae"; leave it out$/],
    [vae, "data.cache", { folder: "latents" }, /^data\.cache is not for kind "vae"; leave it out$/],
    [vae, "objective.alpha", 0.01, /^objective\.alpha is not for kind "vae"; leave it out$/],
    [vae, "objective.prediction", "v", /^objective\.prediction is not for kind "vae"; leave it out$/],
    [motion, "objective.prediction", "v", /^objective\.prediction is not for kind "motion"; leave it out$/],
    [subject, "objective.prediction", "v", /^objective\.prediction is not for kind "subject"; leave it out$/],
    [vae, "objective.kl", -1, /^objective\.kl: -1 is not allowed; it must be a number of at least 0$/],
    [image, "objective.kl", 1e-6, /^objective\.kl is not for kind "image"; leave it out$/],
    [subject, "objective.detail", 1, /^objective\.detail is not for kind "subject"; leave it out$/],
    [vae, "trained", ["attn1"], /^trained: 'attn1' is not allowed; it must be "all" or .* kind is "vae"$/],
    [vae, "lora", { rank: 4 }, /^lora is not for kind "vae"; leave it out$/],
    [vae, "gradientCheckpointing", true, /^gradientCheckpointing is not for kind "vae"; leave it out$/],
    [vae, "validation", validation({ prompt: "" }), /^validation is not for kind "vae"; leave it out$/],
    [subject, "modelDtype", "int8", /^modelDtype: 'int8' is not .* "fp32" or "fp16" or "bf16"$/],
    [subject, "data.cache.variants", 2, /^data\.cache\.folder is missing; it must be the path of a folder$/],
    [
      subject,
      "objective.alpha",
      -0.1,
      /^objective\.alpha: -0\.1 is not allowed; it must be a number from 0 to 1$/,
    ],
    [
      subject,
      "objective.timestepShift",
      0,
      /^objective\.timestepShift: 0 is not allowed; it must be a number above 0; 1 is no shift$/,
    ],
    [
      subject,
      "trained",
      ["atn1"],
      /^trained: 'atn1' is not allowed; it must be "attn1", "motion", .* or a glob/,
    ],
    [
      image,
      "trained",
      ["attn1", "motion"],
      /^trained: 'motion' is not allowed; .* there are no motion modules where kind is "image"$/,
    ],
    [
      motion,
      "trained",
      ["*.motion_modules.*", "attn1"],
      /^trained: 'attn1' is not allowed; it must be "motion" or .* the model has nothing else where kind is "motion"$/,
    ],
    [
      subject,
      "trained",
      ["attn1", "text_encoder"],
      /^trained: 'text_encoder' is not allowed; .* the model has no text encoder where kind is "subject"$/,
    ],
    [subject, "trained", [], /^trained: \[\] is not allowed; it must be an array of "attn1"/],
    [
      subject,
      "lora",
      { rank: 0 },
      /^lora\.rank: 0 is not allowed; it must be a whole number from 1 to 1024$/,
    ],
    [
      subject,
      "optimizer.learningRate",
      0,
      /^optimizer\.learningRate: 0 is not allowed; it must be a number above 0$/,
    ],
    [
      subject,
      "optimizer.finalLearningRate",
      1,
      /^optimizer\.finalLearningRate: 1 is not .* at most .*, 0\.00001$/,
    ],
    [
      subject,
      "optimizer.betas",
      [0.9, 1],
      /^optimizer\.betas: \[ 0\.9, 1 \] is not .* two numbers from 0 to below 1$/,
    ],
    [subject, "steps", 0.5, /^steps: 0\.5 is not allowed; it must be a whole number of at least 1$/],
    [subject, "steps", "1000", /^steps: '1000' is not allowed/],
    [subject, "batch", 0, /^batch: 0 is not allowed/],
    [subject, "accumulation", -1, /^accumulation: -1 is not allowed/],
    [subject, "ema", 1, /^ema: 1 is not allowed; it must be a number above 0 and below 1, such as 0\.9999$/],
    [subject, "dtype", "fp16", /^dtype: 'fp16' is not allowed; it must be "fp32" or "bf16"$/],
    [subject, "device", "gpu", /^device: 'gpu' is not allowed; it must be "auto", "cpu", "cuda" or/],
    [
      subject,
      "seed",
      2 ** 53,
      /^seed: 9007199254740992 is not allowed; it must be a whole number from 0 to 9007/,
    ],
    [subject, "checkpoints.keep", 0, /^checkpoints\.keep: 0 is not allowed/],
    [subject, "distributed.timeoutSeconds", 0, /^distributed\.timeoutSeconds: 0 is not allowed; .* above 0$/],
    [subject, "output", undefined, /^output is missing; it must be the path of the run's folder$/],
    [
      subject,
      "validation",
      validation(),
      /^validation\.requests: \[\] is not allowed; it must be an array of one or more/,
    ],
    [
      subject,
      "validation",
      validation(request, { prompt: "" }),
      /^validation\.requests\[1\]\.reference is missing; .* subject where kind/,
    ],
    [
      subject,
      "validation",
      validation({ ...request, step: 4 }),
      /^validation\.requests\[0\]\.step is not an option; did you mean steps\?$/,
    ],
    [
      subject,
      "validation",
      validation({ ...request, steps: 0 }),
      /^validation\.requests\[0\]\.steps: 0 is not allowed; .* 1 to 1000$/,
    ],
    [
      subject,
      "validation",
      validation({ ...request, preview: true }),
      /^validation\.requests\[0\]\.preview is not for a recipe; leave it out$/,
    ],
    [
      subject,
      "validation",
      validation({ ...request, width: 500 }),
      /^validation\.requests\[0\]\.width: 500 is not allowed; it must be a multiple of 8$/,
    ],
    [
      motion,
      "validation",
      validation(request),
      /^validation\.requests\[0\]\.reference is not for kind "motion"; leave it out$/,
    ],
    [
      image,
      "validation",
      validation({ prompt: "", frames: 2 }),
      /^validation\.requests\[0\]\.frames: 2 is not allowed; it must be 1 or left out/,
    ],
  ];
  const folder = t.testdir({});
  const path = join(folder, "broken.jsonc");
  for (const [recipe, field, value, message] of broken) {
    const wrong = changed(recipe, field, value);
    await t.rejects(readRecipe(wrong), { name: "CameoError", code: "ERR_INVALID_OPTION", message });
    writeFileSync(path, JSON.stringify(wrong));
    const error = (await readRecipe(path).catch((thrown) => thrown)) as Error;
    const place = `recipe ${JSON.stringify(path)}: `;
    t.ok(error.message.startsWith(place), field);
    t.match(error.message.slice(place.length), message);
    t.notMatch(error.message, "\n");
  }
});

test("a file that is no recipe is one line that says where and what to do", async (t) => {
  const folder = t.testdir({
    "comma.json": '{\n  "kind": "image"\n  "steps": 1\n}',
    "open.json": '{ "kind": "image"',
    "string.json": '{ "kind": "ima',
    "empty.json": "",
    "list.json": "[]",
    "big.json": `{}${" ".repeat(2 ** 20)}`,
  });
  writeFileSync(join(folder, "latin.json"), Buffer.from('{ "kind": "\xe9" }', "latin1"));
  mkdirSync(join(folder, "folder"));
  const wrong: [string, RegExp][] = [
    ["comma.json", /line 3, column 3: comma expected; correct the JSON there$/],
    ["open.json", /line 1, column 18: close brace expected; correct/],
    ["string.json", /line 1, column 11: unexpected end of string; correct/],
    ["empty.json", /line 1, column 1: value expected; correct/],
    ["list.json", /the options must be an object, not \[\]$/],
    ["big.json", /it is larger than 1 MiB, which no recipe is; give a file of JSON$/],
    ["latin.json", /it is not UTF-8 text; save it as UTF-8$/],
    ["folder", /it is a folder; give the recipe's file, as in .*folder\/recipe\.json$/],
    ["missing.json", /no such file; check the path$/],
    ["comma.json/x", /a part of the path is not a folder; check the path$/],
  ];
  for (const [name, message] of wrong) {
    const error = (await readRecipe(join(folder, name)).catch((thrown) => thrown)) as Error;
    t.match(error, { name: "CameoError", code: "ERR_INVALID_OPTION", message });
    t.ok(error.message.startsWith(`recipe ${JSON.stringify(join(folder, name))}: `), name);
    t.notMatch(error.message, "\n");
  }
  await t.rejects(readRecipe("/dev/null"), { message: /it is not a regular file/ });
  await t.rejects(readRecipe(null as never), { message: /the options must be an object, not null/ });
});

test("a misspelt name is what is told, not that the right one is missing", async (t) => {
  const renamed: [field: string, from: string, to: string][] = [
    ["", "steps", "step"],
    ["", "output", "ouput"],
    ["data.", "source", "sources"],
    ["data.", "size", "sise"],
    ["model.", "base", "bas"],
  ];
  for (const [parent, from, to] of renamed) {
    const recipe = structuredClone(subject) as unknown as Record<string, Record<string, unknown>>;
    const group = parent === "" ? recipe : (recipe[parent.slice(0, -1)] as Record<string, unknown>);
    group[to] = group[from];
    delete group[from];
    await t.rejects(readRecipe(recipe as unknown as Recipe), {
      code: "ERR_INVALID_OPTION",
      message: `${parent}${to} is not an option; did you mean ${parent}${from}?`,
    });
  }
});
