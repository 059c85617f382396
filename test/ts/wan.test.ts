import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type AnyRequest, Pipeline, type SampleRequest } from "cameo";
import t from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { assertClose } from "../support/compare.js";
import { assertFrames, sample } from "../support/parity.js";
import { fixtures } from "../support/probes.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";
import { drawInput, type Tensor, type Tensors } from "../support/tensors.js";
import { wanLora, wanRequest, writeWan } from "../support/wan_model.js";

const base = writeWan("wan");
const request = wanRequest();
const place = { device: "cpu", dtype: "fp32" } as const;
const pipe = await Pipeline.load({ base, ...place });
t.teardown(() => pipe.close());

t.test("it is found by itself, and says what it takes", async (t) => {
  t.equal(pipe.family, "wan");
  const { networks, options, ...description } = pipe.describe();
  t.same(
    networks.map(({ name }) => name),
    ["text_encoder", "transformer", "vae"],
  );
  t.match(description, {
    text: true,
    textEncoder: "t5",
    clipText: false,
    promptCleaning: "entities",
    motion: null,
    defaultSize: [832, 480],
    latentScale: 8,
    textPositions: 512,
    required: [],
  });
  const defaults = { frames: 81, context: null, fps: 16, steps: 50, guidanceScale: 5 };
  t.match(options, { ...defaults, negativePrompt: "", scheduler: "unipc" });
  for (const name of ["reference", "image", "video", "loop", "clipSkip", "emphasis", "strength"]) {
    t.notOk(name in options, name);
  }
});

t.test("a config that tells the size of its films has them for defaults", async (t) => {
  const sizes = { sample_width: 14, sample_height: 10, sample_frames: 5 };
  await using sized = await Pipeline.load({ base: writeWan("wan-sized", sizes), ...place });
  const { defaultSize, options } = sized.describe();
  t.same(defaultSize, [56, 40]);
  t.match(options, { width: 56, height: 40, frames: 5 });
  const wrong = writeWan("wan-wrongly-sized", { sample_frames: 0 });
  await t.rejects(Pipeline.load({ base: wrong, ...place }), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /sample_frames/,
  });
});

t.test("cameo inspect knows it, with its parts", async (t) => {
  const inspection = await inspectPath(base);
  t.match(inspection, { kind: "pipeline", option: "--base", argument: base });
  const kinds = Object.entries(inspection.components ?? {}).map(([name, { kind }]) => [name, kind]);
  t.same(Object.fromEntries(kinds), { transformer: "wan", vae: "wan-vae", text_encoder: "t5" });
  t.match(await inspectPath(join(base, "transformer")), { option: "--base", argument: base });
});

t.test("it makes of a prompt what diffusers makes", async (t) => {
  const expected = readSafetensors(join(fixtures, "wan/expected.safetensors"));
  const actual = await sample(t, pipe, request);
  assertClose(t, actual.latents, expected.latents, 1e-4, "latents");
  t.same(actual.frames?.shape, expected.frames?.shape);
  assertFrames(t, actual, expected.frames);
});

t.test("within a budget its text encoder is read block by block, and the film is the same", async (t) => {
  const plain = await sample(t, pipe, request);
  await using small = await Pipeline.load({ base, ...place, maxMemory: 2 ** 30 });
  const actual = await sample(t, small, request);
  assertClose(t, actual.latents, plain.latents as never, 1e-5, "latents");
});

t.test("what a request says counts", async (t) => {
  const film = async (changes: Partial<SampleRequest> = {}) =>
    Buffer.from((await pipe.sample({ ...request, ...changes })).frames);
  const first = await pipe.sample(request);
  const bytes = Buffer.from(first.frames);
  t.ok(Buffer.from((await pipe.sample(first.request)).frames).equals(bytes), "its request");
  const same = { prompt: 'a "slow" movement over the sea & the hour' };
  t.ok((await film(same)).equals(bytes), "a prompt that is cleaned to the same");
  const changes: Partial<SampleRequest>[] = [
    ...[{ seed: 8 }, { prompt: "the sea" }, { negativePrompt: "" }, { guidanceScale: 2 }],
    ...[{ guidanceScale: 1 }, { guidanceRange: [0, 0.5] as [number, number] }, { shift: 8 }],
    ...[{ scheduler: "flow-euler" as const }, { scheduler: "dpmpp-2m" as const }],
  ];
  for (const change of changes) t.notOk((await film(change)).equals(bytes), JSON.stringify(change));
  t.equal((await film({ frames: 1 })).length, 16 * 16 * 3, "a still");
  t.equal((await film({ width: 24, height: 8 })).length, 24 * 8 * 3 * 5, "another size");
});

const picture = { data: new Uint8Array(16 * 16 * 3), width: 16, height: 16 };
const refused: [string, Partial<Record<string, unknown>>, RegExp][] = [
  ["image", { image: picture }, /image: this model makes a film of a prompt alone; leave it out/],
  ["video", { video: Array(5).fill(picture) }, /video: /],
  ["reference", { reference: picture }, /reference: this pipeline has no subject model/],
  ["context", { context: { length: 2 } }, /context\.length: 2 is not allowed; .* of which 1 and 5 are/],
  ["clipSkip", { clipSkip: 1 }, /clipSkip: it is for models that read prompts by CLIP; leave it out/],
  ["prompt", { prompt: { 0: "a", 2: "the sea" } }, /prompt: this model takes one prompt for the whole film/],
  ["frames", { frames: 6 }, /frames: 6 is not allowed; .* a multiple of 4 and 1 more, of which 5 and 9/],
  ["frames", { frames: 65 }, /frames: 65 is not allowed; this model has places for at most 61/],
  ["width", { width: 20 }, /width: 20 is not allowed; it must be a multiple of 8/],
  ["width", { width: 136 }, /width, height: 136x16 is not allowed; this model has places for at most 128/],
];

t.test("what it has no use for is refused by name", async (t) => {
  for (const [name, changes, message] of refused) {
    const wrong = { ...request, ...changes } as AnyRequest;
    await t.rejects(pipe.sample(wrong), { code: "ERR_INVALID_OPTION", message }, name);
  }
});

t.test("no other network goes with it, and its parts have to fit", async (t) => {
  for (const name of ["motion", "controls", "ipAdapter", "embeddings"]) {
    const options = { base, device: "cpu", [name]: join(base, "transformer") } as const;
    const message = new RegExp(`^${name}: .* is a Wan model, which takes none`);
    await t.rejects(Pipeline.load(options), { code: "ERR_INVALID_OPTION", message }, name);
  }
  const mismatches: [object, RegExp][] = [
    [{ text_dim: 12 }, /reads text of 12 channels, the text encoder gives 10/],
    [{ out_channels: 6 }, /16 input and 6 output channels/],
  ];
  for (const [changes, message] of mismatches) {
    const wrong = writeWan("wan-mismatch", changes);
    await t.rejects(Pipeline.load({ base: wrong, ...place }), { code: "ERR_WEIGHTS_MISMATCH", message });
  }
});

t.test("LoRAs of every naming are added, and come off to the bit", async (t) => {
  const modules = ["blocks.0.self_attn.q", "blocks.1.cross_attn.o"];
  const layers = ["blocks.0.attn1.to_q", "blocks.1.attn2.to_out.0"];
  const released = wanLora(modules);
  const factor = (i: number, part: "down" | "up") =>
    released[`diffusion_model.${modules[i]}.lora_${part}.weight`] as Tensor;
  const named = (nameOf: (i: number) => [down: string, up: string]) =>
    Object.fromEntries(
      modules.flatMap((_, i) => {
        const [down, up] = nameOf(i);
        return [[down, factor(i, "down")] as const, [up, factor(i, "up")] as const];
      }),
    );
  const products = modules.map((_, i): Tensor => {
    const [down, up] = [factor(i, "down").data, factor(i, "up").data];
    const at = (row: number, column: number) =>
      [0, 1].reduce((sum, k) => sum + (up[2 * row + k] as number) * (down[24 * k + column] as number), 0);
    const data = Float32Array.from({ length: 24 * 24 }, (_, n) => at(Math.floor(n / 24), n % 24));
    return { shape: [24, 24], data };
  });
  const bias = drawInput("bias", { shape: [24] }, 9);
  const files: Record<string, Tensors> = {
    released,
    kohya: named((i) => {
      const start = `lora_unet_${(modules[i] as string).replaceAll(".", "_")}`;
      return [`${start}.lora_down.weight`, `${start}.lora_up.weight`];
    }),
    peft: named((i) => [`transformer.${layers[i]}.lora_A.weight`, `transformer.${layers[i]}.lora_B.weight`]),
    bare: named((i) => [`${modules[i]}.lora_A.default.weight`, `${modules[i]}.lora_B.default.weight`]),
    whole: Object.fromEntries(
      modules.map((name, i) => [`diffusion_model.${name}.diff`, products[i] as Tensor]),
    ),
  };
  const edited = writeWan("wan-edited", {}, (weights) => {
    layers.forEach((layer, i) => {
      const weight = weights[`${layer}.weight`] as Tensor;
      weight.data = Float32Array.from(
        weight.data,
        (value, n) => value + 0.5 * (products[i]?.data[n] as number),
      );
    });
  });
  await using merged = await Pipeline.load({ base: edited, ...place });
  const [plain, expected] = [await sample(t, pipe, request), await sample(t, merged, request)];
  t.notSame(plain.latents, expected.latents);
  for (const [name, tensors] of Object.entries(files)) {
    const path = join(t.testdirName, `${name}.safetensors`);
    mkdirSync(t.testdirName, { recursive: true });
    writeSafetensors(path, tensors);
    t.match(await inspectPath(path), { kind: "lora", option: "--lora" }, `${name}: inspected`);
    await pipe.setLora([{ path, scale: 0.5 }]);
    t.match(pipe.describe().loras, [{ layers: { transformer: 2 } }], name);
    assertClose(t, (await sample(t, pipe, request)).latents, expected.latents as Tensor, 1e-5, name);
  }
  const path = join(t.testdirName, "bias.safetensors");
  writeSafetensors(path, {
    "diffusion_model.blocks.0.self_attn.q.diff_b": bias,
    "diffusion_model.blocks.0.modulation.diff": drawInput("table", { shape: [1, 6, 24] }, 9),
  });
  await pipe.setLora([{ path }, { path: join(t.testdirName, "peft.safetensors") }]);
  t.notSame((await sample(t, pipe, request)).latents, plain.latents);
  await pipe.setLora([]);
  t.same((await sample(t, pipe, request)).latents, plain.latents, "off");
});

t.test("bf16 is near", async (t) => {
  await using rough = await Pipeline.load({ base, device: "cpu", dtype: "bf16" });
  const [actual, exact] = [await sample(t, rough, request), await sample(t, pipe, request)];
  assertClose(t, actual.latents, exact.latents as never, 0.1, "latents");
});

t.test("it stops when it is told to", async (t) => {
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  await t.rejects(pipe.sample({ ...request, signal: controller.signal, onProgress }), {
    code: "ERR_ABORTED",
  });
});
