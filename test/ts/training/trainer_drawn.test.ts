// Slow: it trains each kind of film model.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { type AnyRequest, Pipeline } from "cameo";
import t, { type Test } from "tap";
import type { Recipe } from "#ts/training/recipe.js";
import { cogVideoXRequest, writeCogVideoX } from "../../support/cogvideox_model.js";
import { dtypesOf, readSafetensors } from "../../support/safetensors.js";
import { computed, sha256, train, writeClips } from "../../support/training_run.js";
import { videoRequest, writeVideoModel } from "../../support/video_model.js";
import { wanRequest, writeWan } from "../../support/wan_model.js";

const folder = "build/fixtures/trainer_drawn";
const runs = join(folder, "runs");
rmSync(runs, { recursive: true, force: true });
const source = await writeClips(join(folder, "clips"), 3);

const isWeights = (path: string) => path.endsWith(".safetensors");

/** A copy of the model in which these networks, or all of them, have configs alone. */
function withoutWeights(model: string, networks?: readonly string[]): string {
  const copy = `${model}-${networks?.join("-") ?? "configs"}`;
  rmSync(copy, { recursive: true, force: true });
  const isLeftOut = (path: string) =>
    isWeights(path) && (!networks || networks.some((network) => path.includes(`/${network}/`)));
  cpSync(model, copy, { recursive: true, filter: (path) => !isLeftOut(path) });
  return copy;
}

/** The weight files of a model's folder, by their names in it. */
function weightsOf(model: string): Record<string, string> {
  const names = readdirSync(model, { recursive: true, encoding: "utf8" }).filter(isWeights).sort();
  return Object.fromEntries(names.map((name) => [name, sha256(join(model, name))]));
}

async function finish(t: Test, recipe: Recipe, name: string, { resume = false } = {}) {
  const { events, error } = await train({ ...recipe, output: join(runs, name) }, { resume });
  t.equal(error, undefined);
  const last = events.at(-1);
  return { model: last?.type === "done" ? last.model : "", steps: computed(events) };
}

interface Film {
  base: string;
  data: Omit<Recipe["data"], "source">;
  request: AnyRequest;
}

const films: Record<"svd" | "cogvideox" | "wan", Film> = {
  svd: {
    base: writeVideoModel("trainer_drawn/svd"),
    data: { frames: 3, stride: 2, size: [24, 16] },
    request: videoRequest(),
  },
  cogvideox: {
    base: writeCogVideoX("trainer_drawn/cogvideox", "text"),
    data: { frames: 5, stride: 2, size: [16, 8] },
    request: cogVideoXRequest("text"),
  },
  wan: {
    base: writeWan("trainer_drawn/wan"),
    data: { frames: 5, stride: 2, size: [32, 16] },
    request: wanRequest(),
  },
};

function recipeOf(kind: keyof typeof films, base: string): Recipe {
  const common = { optimizer: { learningRate: 1e-3 }, steps: 2, device: "cpu", output: runs } as const;
  return { kind, model: { base }, data: { source, ...films[kind].data }, ...common };
}

for (const [kind, { base, request }] of Object.entries(films) as [keyof typeof films, Film][]) {
  t.test(`${kind}: a model of one's own begins with configs alone`, async (t) => {
    const configs = withoutWeights(base);
    const recipe = recipeOf(kind, configs);
    const first = await finish(t, recipe, kind);
    const again = await finish(t, recipe, `${kind}-again`);
    const other = await finish(t, { ...recipe, seed: 1 }, `${kind}-other`);
    t.equal(first.steps.length, 2);
    t.strictSame(again.steps, first.steps, "the same seed, the same losses");
    const [drawn, same, others] = [first, again, other].map(({ model }) => weightsOf(model));
    t.strictSame(Object.keys(drawn ?? {}), Object.keys(weightsOf(base)), "what was drawn is written, too");
    t.strictSame(same, drawn);
    for (const [name, hash] of Object.entries(others ?? {}))
      t.not(hash, drawn?.[name], `${name} by the seed`);
    for (const name of Object.keys(drawn ?? {})) {
      const [before, after] = [base, first.model].map((model) => readSafetensors(join(model, name)));
      t.strictSame(shapesOf(after), shapesOf(before), `${name} has all parameters`);
    }

    await train({ ...recipe, output: join(runs, `${kind}-stopped`) }, { stopAt: 1 });
    const rest = await finish(t, recipe, `${kind}-stopped`, { resume: true });
    t.strictSame(rest.steps, first.steps.slice(1), "a run on drawn networks goes on to the bit");
    t.strictSame(weightsOf(rest.model), drawn);

    await t.rejects(Pipeline.load({ base: configs, device: "cpu" }), {
      code: "ERR_WEIGHTS_FORMAT",
      message: /there are no weights for the /,
    });
    await using pipe = await Pipeline.load({ base: first.model, device: "cpu", dtype: "fp32" });
    const { frames } = await pipe.sample(request);
    t.ok(new Set(frames).size > 1, "and makes films");
  });
}

const shapesOf = (tensors: Record<string, { shape: number[] }> = {}) =>
  Object.fromEntries(
    Object.keys(tensors)
      .sort()
      .map((name) => [name, tensors[name]?.shape]),
  );

t.test("networks that have weights keep them, and drawn ones are stored as they are trained", async (t) => {
  const { base } = films.wan;
  const recipe = recipeOf("wan", withoutWeights(base, ["transformer", "text_encoder"]));
  const { model } = await finish(t, { ...recipe, dtype: "bf16", modelDtype: "bf16" }, "wan-partly");
  const vae = join("vae", "diffusion_pytorch_model.safetensors");
  t.ok(readFileSync(join(model, vae)).equals(readFileSync(join(base, vae))));
  for (const file of ["transformer/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"]) {
    t.ok(existsSync(join(model, file)), basename(file));
    t.same(dtypesOf(join(model, file)), ["BF16"]);
  }
});
