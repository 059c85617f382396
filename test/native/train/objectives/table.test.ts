import { join } from "node:path";
import t from "tap";
import { openAddon } from "#ts/addon.js";
import type { NativeTrainer, NativeTrainingSample } from "#ts/native.js";
import { kinds } from "#ts/training/kinds.js";
import { readRecipe } from "#ts/training/read_recipe.js";
import type { Recipe } from "#ts/training/recipe.js";
import { writeCogVideoX } from "../../../support/cogvideox_model.js";
import { vaeRecipe, writeTrainingSet } from "../../../support/training_run.js";
import { writeVideoModel } from "../../../support/video_model.js";
import { writeWan } from "../../../support/wan_model.js";

const addon = openAddon({ cuda: false });
const set = await writeTrainingSet("objectives");
const { base, motion } = set.model;
const stills = { source: set.data.source, size: set.data.size };
const filmRecipe = (kind: Recipe["kind"], model: string): Recipe => ({
  ...set,
  kind,
  model: { base: model },
  data: { source: set.data.source, frames: 5, size: [64, 64] },
});
const cogvideox = writeCogVideoX("objectives/cogvideox", "text");
const wan = writeWan("objectives/wan");
const recipes: Record<Recipe["kind"], Recipe> = {
  image: { ...set, kind: "image", model: { base }, data: stills },
  motion: { ...set, kind: "motion", model: { base, motion } },
  subject: set,
  vae: vaeRecipe(set),
  svd: filmRecipe("svd", writeVideoModel("objectives/svd")),
  cogvideox: filmRecipe("cogvideox", cogvideox),
  wan: filmRecipe("wan", wan),
  phantom: filmRecipe("phantom", wan),
  "film-vae": filmRecipe("film-vae", wan),
  distillation: { ...filmRecipe("distillation", cogvideox), lora: { rank: 2 } },
};
const kindNames = Object.keys(kinds) as Recipe["kind"][];
const parts = ["lora", "motion", "subject", "text_encoder", "transformer", "unet", "vae"];

async function load(kind: Recipe["kind"], changes: object = {}): Promise<NativeTrainer> {
  const native = new addon.Trainer();
  const recipe = { ...(await readRecipe(recipes[kind])), ...changes };
  await native.load(JSON.stringify(recipe), () => {}).promise;
  return native;
}

/** Of the empty caption, as many as the kind's model reads. */
const idsOf = (kind: Recipe["kind"]) => new Int32Array(positions[kind] ?? 77);
const positions: Partial<Record<Recipe["kind"], number>> = {
  cogvideox: 12,
  distillation: 12,
  wan: 512,
  phantom: 512,
};

/** A sample of grey pictures, as the kind's recipe has them. */
function sampleOf(kind: Recipe["kind"], changes: Partial<NativeTrainingSample> = {}): NativeTrainingSample {
  const pictures = (count: number) => new Uint8Array(count * 64 * 64 * 3).fill(128);
  const { stills, references } = kinds[kind];
  return {
    position: 0,
    ids: idsOf(kind),
    width: 64,
    height: 64,
    frames: pictures(stills ? 1 : 5),
    references: references ? pictures(1) : undefined,
    referenceCount: references ? 1 : 0,
    ...changes,
  };
}

const step = (native: NativeTrainer, ...samples: NativeTrainingSample[]) =>
  native.step({ batches: [samples], emptyIds: samples[0]?.ids ?? new Int32Array(), stop: false }).promise;

for (const kind of kindNames) {
  t.test(`${kind}: the losses of the table, and exports of its own`, async (t) => {
    const native = await load(kind);
    const { lossParts } = await step(native, sampleOf(kind));
    t.strictSame(Object.keys(lossParts).sort(), [...kinds[kind].losses].sort());
    const [output, exported] = [t.testdir(), [] as string[]];
    for (const part of parts) {
      const path = join(output, `${part}.safetensors`);
      await native.exportWeights(path, part, "fp32").promise.then(
        (config) => exported.push(part, ...Object.keys(JSON.parse(config))),
        ({ code, message }) => {
          t.equal(code, "ERR_INVALID_OPTION");
          t.equal(message, `part: ${part} is not among what this run exports`);
        },
      );
    }
    const own: Partial<Record<Recipe["kind"], string[]>> = {
      subject: ["subject"],
      vae: ["vae", "scaling_factor"],
      svd: ["unet"],
      cogvideox: ["transformer"],
      wan: ["transformer"],
      phantom: ["transformer"],
      "film-vae": ["vae", "latents_mean", "latents_std"],
      distillation: ["lora"],
    };
    t.strictSame(exported, own[kind] ?? ["motion", "text_encoder", "unet"]);
    await native.close();
  });
}

t.test("a kind that no objective has is refused", async (t) => {
  await t.rejects(load("image", { kind: "none" }), {
    code: "ERR_INVALID_OPTION",
    message: "kind: none is not known",
  });
});

t.test("a kind is refused with a model that it doesn't train", async (t) => {
  const { model } = recipes.svd;
  await t.rejects(load("image", { model }), {
    code: "ERR_INVALID_OPTION",
    message: `kind "image" trains a Stable Diffusion 1.5 model, and model.base ${model.base} is of the family svd; name another base, or a kind that trains this one`,
  });
  await t.rejects(load("svd", { model: recipes.image.model }), {
    code: "ERR_INVALID_OPTION",
    message: /^kind "svd" trains a Stable Video Diffusion model, and .* is of the family stable-diffusion;/,
  });
});

t.test("films that CogVideoX has no places for are refused", async (t) => {
  const { data } = await readRecipe(recipes.cogvideox);
  const refused = (message: string) => ({ code: "ERR_INVALID_OPTION", message });
  await t.rejects(
    load("cogvideox", { data: { ...data, frames: 6 } }),
    refused("data.frames: 6 is not allowed; this model learns on 1, 5, 9 frames and so on"),
  );
});

t.test("samples that do not fit an objective or one another are refused", async (t) => {
  const subject = await load("subject");
  const refused = (message: string) => ({ code: "ERR_INVALID_OPTION", message });
  await t.rejects(
    step(subject, sampleOf("subject", { referenceCount: 0 })),
    refused("a subject's training sample has no references"),
  );
  await t.rejects(
    step(subject, sampleOf("subject"), sampleOf("subject", { frames: new Uint8Array(64 * 64 * 3) })),
    refused("the samples of a micro-batch differ in size"),
  );
  const several = (count: number, regions: unknown): NativeTrainingSample => {
    const references = new Uint8Array(count * 64 * 64 * 3).fill(128);
    return sampleOf("subject", { references, referenceCount: count, regions: regions as never });
  };
  const halves = [
    [0, 0, 0.5, 1],
    [0.5, 0, 1, 1],
  ];
  await t.rejects(
    step(subject, several(3, halves)),
    refused("a training sample's subjects have not as many references each"),
  );
  await t.rejects(
    step(subject, several(2, halves), several(2, undefined)),
    refused("some of a micro-batch's samples have regions, and others none"),
  );
  const short = [[0, 0, 1], halves[1]];
  t.throws(() => step(subject, several(2, short)), refused("regions: boxes of four numbers is expected"));
  t.equal((await step(subject, sampleOf("subject"))).step, 1, "and did not happen");
  t.equal((await step(subject, several(2, halves), several(2, halves.toReversed()))).step, 2);
  await subject.close();

  const vae = await load("vae");
  await t.rejects(
    step(vae, sampleOf("vae", { frames: new Uint8Array(2 * 64 * 64 * 3) })),
    refused("a sample for the VAE has more than one picture"),
  );
  await vae.close();
});
