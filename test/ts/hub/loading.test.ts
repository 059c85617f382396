// Slow: it loads, samples and trains.
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type LoadProgress, Pipeline, type SampleRequest, Trainer } from "cameo";
import t, { type Test } from "tap";
import { checkLoadOptions, checkModelPaths } from "#ts/options/load.js";
import { cameo } from "../../support/command.js";
import { filesOf } from "../../support/hub_files.js";
import { HubServer } from "../../support/hub_server.js";
import { adapter } from "../../support/loras.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import { train, writeTrainingSet } from "../../support/training_run.js";

const server = await HubServer.start();
t.teardown(() => server[Symbol.asyncDispose]());

const model = writeSmallModel("hub");
const subjectFile = readFileSync(model.subject ?? "");
const base = server.add("owner/sd", { ...filesOf(model.base), "README.md": "# sd" });
server.add("owner/motion", filesOf(model.motion ?? ""));
server.add("owner/subjects", { "human.safetensors": subjectFile, "object.safetensors": "no" });

const named = {
  base: "hf:owner/sd",
  motion: "hf:owner/motion",
  subject: "hf:owner/subjects/human.safetensors",
};
const request: SampleRequest = {
  prompt: "a fox",
  reference: "examples/critter.png",
  ...{ frames: 2, steps: 1, width: 32, height: 32, seed: 1 },
};

/** An empty cache, for this process and those that it starts. */
function emptyCache(t: Test): string {
  const folder = t.testdir({});
  const before = { ...process.env };
  Object.assign(process.env, server.environment(folder));
  t.teardown(() => {
    process.env = before;
  });
  server.take();
  return folder;
}

t.test("a model is loaded by its names, and says where it came from", async (t) => {
  emptyCache(t);
  const seen: LoadProgress[] = [];
  const onProgress = (progress: LoadProgress) => void seen.push(progress);
  await using pipe = await Pipeline.load({ ...named, device: "cpu", dtype: "fp32", onProgress });
  const phases = seen.map(({ phase }) => phase);
  t.strictSame([...new Set(phases)], ["fetch", "load"]);
  const fetched = seen.filter(({ phase }) => phase === "fetch").at(-1);
  t.ok(fetched !== undefined && fetched.step === fetched.steps);
  const files = pipe.describe().networks.flatMap((network) => network.files);
  const unet = "unet/diffusion_pytorch_model.safetensors";
  for (const name of [`hf:owner/sd/${unet}@${base}`, /^hf:owner\/subjects\/human\.safetensors@[0-9a-f]{40}$/])
    t.ok(
      files.some(({ hub = "" }) => (typeof name === "string" ? hub === name : name.test(hub))),
      String(name),
    );
  const video = await pipe.sample(request);
  t.equal(video.request.prompt, "a fox");
  await using local = await Pipeline.load({ ...model, device: "cpu", dtype: "fp32" });
  t.strictSame(video.frames, (await local.sample(request)).frames);
  t.ok(local.describe().networks.every((network) => network.files.every(({ hub }) => hub === undefined)));
});

t.test("of a pipeline a part is taken, where an option wants a part", async (t) => {
  const folder = emptyCache(t);
  const parts = { ...model, vae: "hf:owner/sd", tokenizer: "hf:owner/sd", device: "cpu" } as const;
  await using pipe = await Pipeline.load(parts);
  t.match(pipe.describe().tokenizer, /models--owner--sd.*tokenizer$/);
  t.notOk(existsSync(join(folder, "hub", "models--owner--sd", "snapshots", base, "unet")));
  await t.rejects(Pipeline.load({ ...model, motion: "hf:owner/sd" }), {
    code: "ERR_HUB",
    message: /it is a whole pipeline, which is for the option base/,
  });
});

t.test("LoRAs are named as models are, when loading and later", async (t) => {
  const folder = emptyCache(t);
  const name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
  const unet = readSafetensors(join(model.base, "unet/diffusion_pytorch_model.safetensors"));
  const { down, up } = adapter({ name, shape: unet[`${name}.weight`]?.shape ?? [] }, { rank: 2 });
  const lora = join(folder, "lora.safetensors");
  writeSafetensors(lora, { [`unet.${name}.lora_A.weight`]: down, [`unet.${name}.lora_B.weight`]: up });
  const commit = server.add("owner/lora", { "README.md": "", "lora.safetensors": readFileSync(lora) });
  const plain = { base: model.base, device: "cpu" } as const;
  await using pipe = await Pipeline.load({ ...plain, lora: { path: "hf:owner/lora", scale: 0.5 } });
  const hub = `hf:owner/lora/lora.safetensors@${commit}`;
  t.match(pipe.describe().loras, [{ hub, scale: 0.5 }]);
  await pipe.setLora([]);
  await pipe.setLora(["hf:owner/lora/lora.safetensors", lora]);
  t.strictSame(
    pipe.describe().loras.map((each) => each.hub),
    [hub, undefined],
  );
  await t.rejects(pipe.setLora("hf:owner/none"), { code: "ERR_HUB" });
  await t.rejects(pipe.setLora("hf:owner"), {
    code: "ERR_INVALID_OPTION",
    message: /^lora: "hf:owner" is no name/,
  });
  t.equal(pipe.describe().loras.length, 2);
  const flag = [
    "--lora",
    "hf:owner/lora:0.8",
    "--base",
    model.base,
    "-p",
    "a",
    "--size",
    "32x32",
    "--steps",
    "1",
  ];
  const sampled = await cameo(["sample", ...flag, "-o", join(folder, "out.png")], server.environment(folder));
  t.equal(sampled.code, 0, sampled.stderr);
});

t.test("fetching can be ended, and what it is told throws comes out", async (t) => {
  emptyCache(t);
  const stop = new AbortController();
  const aborted = Pipeline.load({ ...named, signal: stop.signal, onProgress: () => stop.abort() });
  await t.rejects(aborted, { code: "ERR_ABORTED" });
  const onProgress = () => {
    throw new Error("mine");
  };
  await t.rejects(Pipeline.load({ ...named, onProgress }), { message: /^mine$/ });
});

t.test("a wrong name is said before anything is loaded, and a path that may be one", (t) => {
  t.throws(() => checkLoadOptions({ base: "hf:sd" }), {
    code: "ERR_INVALID_OPTION",
    message: /^base: "hf:sd" is no/,
  });
  t.throws(() => checkLoadOptions({ base: "a", subject: ["b", "hf:x/y@"] }), {
    message: /^subject: "hf:x\/y@" is no/,
  });
  const computing = { device: "cpu", dtype: "fp32", kernels: "fast" };
  t.throws(() => checkModelPaths({ base: "owner/sd", ...computing }), {
    code: "ERR_WEIGHTS_FORMAT",
    message:
      /^base: the .* "owner\/sd" isn't there; to fetch it from the Hugging Face hub, write hf:owner\/sd$/,
  });
  t.end();
});

t.test("commands take names, too", async (t) => {
  const env = server.environment(t.testdir({}));
  const inspected = await cameo(["inspect", "hf:owner/motion"], env);
  t.equal(inspected.code, 0, inspected.stderr);
  t.match(inspected.stdout, /loads with {2}--motion \S*models--owner--motion/);
  const json = await cameo(["inspect", "hf:owner/sd/vae", "--json"], env);
  t.equal(JSON.parse(json.stdout).kind, "vae");
  // So small a model has no other layout.
  const converted = await cameo(["convert", "hf:owner/motion", join(t.testdirName, "mm.safetensors")], env);
  t.match(converted.stderr, /^cameo: \S*models--owner--motion\S*: the original layout can't say/m);
  const small = ["--size", "32x32", "--frames", "2", "--steps", "1"];
  const output = join(t.testdirName, "out.webp");
  const models = ["--base", named.base, "--motion", named.motion];
  const sampled = await cameo(["sample", ...models, "-p", "a fox", ...small, "-o", output], env);
  t.equal(sampled.code, 0, sampled.stderr);
  t.match(sampled.stderr, /^fetch: /m);
  t.ok(existsSync(output));
  const wrong = await cameo(["sample", "--base", "hf:sd", "-p", "a", "-o", output], env);
  t.equal(wrong.code, 2);
  t.match(wrong.stderr, /^cameo: --base: "hf:sd" is no name of a model/);
});

t.test("a recipe takes names, and its run keeps the commits", async (t) => {
  emptyCache(t);
  const recipe = await writeTrainingSet("hub-training");
  const { base: _, motion, ...rest } = recipe.model;
  const ofHub = { ...recipe, model: { ...rest, ...named }, steps: 1, output: join(t.testdirName, "run") };
  const { error } = await train(ofHub);
  t.equal(error, undefined);
  const kept = JSON.parse(readFileSync(join(ofHub.output, "recipe.json"), "utf8"));
  t.equal(kept.model.base, `hf:owner/sd@${base}`);
  t.match(kept.model.subject, /^hf:owner\/subjects\/human\.safetensors@[0-9a-f]{40}$/);
  server.add("owner/sd", { "model_index.json": "{}" });
  const resumed = await Trainer.open(join(ofHub.output, "recipe.json"), { resume: true });
  t.equal(resumed.step, 1);
  await resumed.close();
  server.add("owner/sd", { ...filesOf(model.base), "README.md": "# sd" });
  await t.rejects(Trainer.open({ ...ofHub, model: { base: "hf:x" } }), {
    code: "ERR_INVALID_OPTION",
    message: /^model\.base: "hf:x" is no name/,
  });
});

t.test("a model that is trained holds files of its own, not links into the cache", async (t) => {
  emptyCache(t);
  const { data, optimizer } = await writeTrainingSet("hub-motion");
  const output = join(t.testdirName, "run");
  const { base, motion } = named;
  const { error } = await train({
    ...{ kind: "motion", model: { base, motion }, steps: 1, device: "cpu", output },
    ...{ data, optimizer },
  });
  t.equal(error, undefined);
  t.ok(lstatSync(join(output, "model", "motion", "config.json")).isFile());
});
