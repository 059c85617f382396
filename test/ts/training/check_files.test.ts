import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Trainer } from "cameo";
import t from "tap";
import type { Recipe } from "#ts/training/recipe.js";
import { changed } from "../../support/recipes.js";
import { writeTrainingSet } from "../../support/training_run.js";

const folder = "build/fixtures/check_files";
const set = await writeTrainingSet("check_files");
mkdirSync(join(folder, "empty"), { recursive: true });
writeFileSync(join(folder, "me.png"), "no picture");
writeFileSync(join(folder, "film.mp4"), "");

const request = { prompt: "a box", frames: 4, steps: 1, width: 64, height: 64 };
const validation = (reference: unknown) => ({ every: 1, requests: [{ ...request, reference }] });

/** Opens a recipe; resolves to its error, and whether tensors were read before it. */
async function open(recipe: Recipe) {
  let loaded = false;
  try {
    await using _trainer = await Trainer.open(recipe, {
      onProgress: () => {
        loaded = true;
      },
    });
    return { loaded };
  } catch (error) {
    return { loaded, error };
  }
}

t.test("what a recipe names is looked for before any tensor is read", async (t) => {
  t.strictSame(await open(set), { loaded: true });
  const me = resolve(folder, "me.png");
  const wrong: [field: string, value: unknown, code: string, message: RegExp][] = [
    ["data.source", "nowhere", "ERR_DATASET", /^data \S*nowhere: no such file; check the path$/],
    ["data.source", join(folder, "empty"), "ERR_DATASET", /empty: there are no clips in it; give a folder/],
    ["data.root", "nowhere", "ERR_INVALID_OPTION", /^data\.root: there is no \S*nowhere; check the path$/],
    ["data.masks", "nowhere", "ERR_INVALID_OPTION", /^data\.masks: there is no \S*nowhere; check the path$/],
    [
      "data.masks",
      join(folder, "empty"),
      "ERR_DATASET",
      /none of its clips .*0\.webp: it has no mask in .*empty;/,
    ],
    ["model.base", "nowhere", "ERR_INVALID_OPTION", /^model\.base: there is no \S*nowhere; check the path$/],
    ["model.motion", "nowhere", "ERR_INVALID_OPTION", /^model\.motion: there is no \S*nowhere; check/],
    ["model.subject", "no.bin", "ERR_INVALID_OPTION", /^model\.subject: there is no \S*no\.bin; check/],
    [
      "model.base",
      "owner/name",
      "ERR_INVALID_OPTION",
      /name; to fetch it from .* hub, write hf:owner\/name$/,
    ],
    ["validation", validation("no.png"), "ERR_INVALID_IMAGE", /^validation\.requests\[0\]: .*no\.png/],
    ["validation", validation([me]), "ERR_INVALID_IMAGE", /^validation\.requests\[0\]: reference/],
    ["output", join(me, "run"), "ERR_CHECKPOINT", /^output ".*run" can't be made: .*me\.png is no folder/],
  ];
  for (const [field, value, code, message] of wrong) {
    const { loaded, error } = await open(changed(set, field, value));
    t.match(error, { code, message }, `${field}: ${value}`);
    t.equal(loaded, false, `${field}: ${value}`);
  }
});

t.test("what is written as a folder with the trained weights must be a folder", async (t) => {
  const file = join(folder, "film.mp4");
  const { source } = set.data;
  const { loaded, error } = await open({
    ...set,
    kind: "vae",
    model: { base: file },
    data: { source, size: [64, 64] },
  });
  t.match(error, {
    code: "ERR_INVALID_OPTION",
    message: /^model\.base: \S*film\.mp4 is a file, .*`cameo convert`$/,
  });
  t.equal(loaded, false);
});
