import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type LoadOptions, type Loras, Pipeline } from "cameo";
import { Command } from "commander";
import t, { type Test } from "tap";
import { loadOptionsOf, withLoadFlags } from "#ts/cli/load_flags.js";
import { adapter, kohya, type Layer } from "../support/loras.js";
import { addLowRank, largestDifference } from "../support/low_rank.js";
import { png } from "../support/pictures.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";
import { writeSmallModel } from "../support/small_model.js";
import type { Tensors } from "../support/tensors.js";

const model = writeSmallModel("lora-option");
const computing = { device: "cpu", dtype: "fp32" } as const;
const attention = "down_blocks.0.attentions.0.transformer_blocks.0";
const base = readSafetensors(join(model.base, "unet/diffusion_pytorch_model.safetensors"));
const subject = readSafetensors(model.subject ?? "");
/** Of the base alone, and one that the subject has, too: three are computed together. */
const names = [`${attention}.attn1.to_q`, `${attention}.attn1.to_k`, "down_blocks.0.resnets.0.conv1"];
const layers: Layer[] = names.map((name) => ({
  name: `unet.${name}`,
  shape: base[`${name}.weight`]?.shape ?? [],
}));
const adapters = layers.map((layer) => adapter(layer, { rank: 2 }));

function write(t: Test): string {
  const path = join(t.testdir(), "lora.safetensors");
  const tensors: Tensors = {};
  for (const [i, { name }] of layers.entries()) {
    const [down, up] = kohya(name);
    Object.assign(tensors, { [down]: adapters[i]?.down, [up]: adapters[i]?.up });
  }
  writeSafetensors(path, tensors);
  return path;
}

const picture = png({ width: 32, height: 32, bits: 8, values: [200, 100, 50] }, 3);
const request = { prompt: "a cat", frames: 2, width: 32, height: 32, steps: 2, seed: 7 };

async function open(t: Test, options: Partial<LoadOptions> = {}): Promise<Pipeline> {
  const pipe = await Pipeline.load({ base: model.base, motion: model.motion, ...computing, ...options });
  t.teardown(() => pipe.close());
  return pipe;
}

const framesOf = async (pipe: Pipeline, reference?: Buffer | string) =>
  (await pipe.sample({ ...request, reference })).frames;

/** The subject's file with the LoRA merged into it by hand. */
function mergedSubject(t: Test, scale: number): string {
  const merged = { ...subject };
  for (const [i, name] of names.entries()) {
    const weight = subject[`${name}.weight`] ?? base[`${name}.weight`];
    const { down, up } = adapters[i] ?? {};
    if (weight && down && up) merged[`${name}.weight`] = addLowRank(weight, up, down, scale);
  }
  const path = join(t.testdirName, "merged.safetensors");
  writeSafetensors(path, merged);
  return path;
}

t.test("given when loading or afterwards it is the same, over a subject, too", async (t) => {
  const path = write(t);
  const expected = await framesOf(await open(t, { subject: mergedSubject(t, 0.5) }), picture);
  const lora = [{ path, scale: 0.5 }];
  const loaded = await open(t, { subject: model.subject, lora });
  const made = await framesOf(loaded, picture);
  t.ok(largestDifference(made, expected) <= 1, "as merged by hand");
  const later = await open(t, { subject: model.subject });
  const plain = await framesOf(later, picture);
  await later.setLora(lora);
  t.same(await framesOf(later, picture), made);
  t.same(later.describe().loras, loaded.describe().loras);
  t.match(later.describe().loras, [
    { path, scale: 0.5, blocks: {}, names: "kohya", total: 6, layers: { unet: 3 } },
  ]);
  await later.setLora([]);
  t.same(await framesOf(later, picture), plain);
  t.same(later.describe().loras, []);
  t.ok(largestDifference(made, plain) > 8, "and not as without");
});

t.test("one path, one object and arrays of both are taken", async (t) => {
  const path = write(t);
  const pipe = await open(t, { lora: path });
  const once = await framesOf(pipe);
  const same: Loras[] = [
    { path },
    [path],
    [
      { path, scale: 2 },
      { path, scale: -1 },
    ],
    { path, scale: 4, blocks: { unet: 0.25 } },
  ];
  for (const loras of same) {
    await pipe.setLora(loras);
    t.ok(largestDifference(await framesOf(pipe), once) <= 1, JSON.stringify(loras));
  }
});

t.test("requests made before a change are computed without it, those after it with it", async (t) => {
  const path = write(t);
  const pipe = await open(t, { subject: model.subject });
  const plain = await framesOf(pipe, picture);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const asked = once(server, "request") as Promise<[unknown, ServerResponse]>;
  const done: string[] = [];
  const noted = <T>(name: string, promise: Promise<T>) => promise.finally(() => done.push(name));
  const slow = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`;
  const before = noted("before", framesOf(pipe, slow));
  const [, response] = await asked;
  const changed = noted("change", pipe.setLora(path));
  const after = noted("after", framesOf(pipe, picture));
  response.end(picture);
  t.same(await before, plain);
  await changed;
  t.ok(largestDifference(await after, plain) > 8);
  t.same(done, ["before", "change", "after"]);
});

t.test("what is bad rejects with a typed error and leaves the former LoRAs on", async (t) => {
  const path = write(t);
  const pipe = await open(t, { lora: { path, scale: 2 } });
  const former = await framesOf(pipe);
  const unet = join(model.base, "unet/diffusion_pytorch_model.safetensors");
  const cases: [unknown, string, RegExp][] = [
    [[path, "nowhere.safetensors"], "ERR_WEIGHTS_FORMAT", /^lora: the file .*nowhere.* isn't there/],
    [[path, join(model.base, "model_index.json")], "ERR_WEIGHTS_FORMAT", /model_index\.json/],
    [[path, unet], "ERR_WEIGHTS_MISMATCH", /a LoRA was expected; this is a Stable Diffusion UNet .*--base/],
    [[path, { path, blocks: { up_block: 1 } }], "ERR_INVALID_OPTION", /"up_block"; there is conv_in/],
    [[path, { path, scale: 1001 }], "ERR_INVALID_OPTION", /^lora: .* from -1000 to 1000/],
    [[path, { path, scale: Number.NaN }], "ERR_INVALID_OPTION", /^lora: /],
    [[{ path, strength: 1 }], "ERR_INVALID_OPTION", /^lora: /],
    [[""], "ERR_INVALID_OPTION", /^lora: /],
    [new Array(65).fill(path), "ERR_INVALID_OPTION", /at most 64/],
    [undefined, "ERR_INVALID_OPTION", /^lora is missing/],
  ];
  for (const [loras, code, message] of cases) {
    await t.rejects(pipe.setLora(loras as Loras), { code, message });
    t.match(pipe.describe().loras, [{ path, scale: 2 }]);
  }
  for (const options of [null, { signal: 1 }, { stop: true }]) {
    await t.rejects(pipe.setLora([], options as object), { code: "ERR_INVALID_OPTION" });
  }
  t.same(await framesOf(pipe), former);
  for (const [lora, code] of cases.slice(0, 6)) {
    const options = { ...model, ...computing, lora: lora as Loras };
    await t.rejects(Pipeline.load(options), { code }, "as when loading");
  }
});

t.test("one that waits is aborted at once, and closing ends it", async (t) => {
  const path = write(t);
  const pipe = await open(t);
  const stopped = new AbortController();
  let started = () => {};
  const computing = new Promise<void>((resolve) => {
    started = resolve;
  });
  const long = pipe.sample({ ...request, steps: 1000, signal: stopped.signal, onProgress: () => started() });
  const ended = t.rejects(long, { code: "ERR_CLOSED" });
  await computing;
  const { signal, abort } = bound(new AbortController());
  const waiting = pipe.setLora(path, { signal });
  abort();
  await t.rejects(waiting, { code: "ERR_ABORTED", name: "AbortError" });
  await t.rejects(pipe.setLora(path, { signal }), { code: "ERR_ABORTED" });
  const other = t.rejects(pipe.setLora(path), { code: "ERR_CLOSED" });
  await pipe.close();
  await Promise.all([ended, other]);
  await t.rejects(pipe.setLora([]), { code: "ERR_CLOSED" });
});

function bound(controller: AbortController) {
  return { signal: controller.signal, abort: () => controller.abort() };
}

t.test("--lora takes a path, with a scale behind its last colon", (t) => {
  const given = (...words: string[]) => {
    const command = withLoadFlags(new Command());
    return loadOptionsOf(command.parse(words, { from: "user" }).opts()).lora;
  };
  t.same(given(), undefined);
  t.same(given("--lora", "a.safetensors"), [{ path: "a.safetensors" }]);
  t.same(given("--lora", "a.safetensors:0.8", "--lora", "b:-.5", "--lora", "b:c:2"), [
    { path: "a.safetensors", scale: 0.8 },
    { path: "b", scale: -0.5 },
    { path: "b:c", scale: 2 },
  ]);
  t.same(given("--lora", "C:\\x.safetensors", "--lora", "C:\\x.safetensors:1"), [
    { path: "C:\\x.safetensors" },
    { path: "C:\\x.safetensors", scale: 1 },
  ]);
  t.same(given("--lora", "a:high"), [{ path: "a:high" }]);
  t.end();
});
