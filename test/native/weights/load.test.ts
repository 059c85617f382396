import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { writeSafetensors } from "../../support/safetensors.js";
import type { Tensors } from "../../support/tensors.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

interface Loaded {
  coverage: { path: string; total: number; used: number; overridden: number; ignored: number }[];
  progress: number[];
  strides: Record<string, number[]>;
}

const vector = (...values: number[]) => ({ shape: [values.length], data: new Float32Array(values) });

/** Writes each layer as a file and gives their paths. */
function writeLayers(t: Test, ...layers: Tensors[]): string[] {
  const folder = t.testdir();
  return layers.map((tensors, i) => {
    const path = join(folder, `layer${i}.safetensors`);
    writeSafetensors(path, tensors);
    return path;
  });
}

const load = (config: object) => runWeights<Loaded>("load", config);

t.test("the last layer that has a parameter wins", async (t) => {
  const paths = writeLayers(
    t,
    { a: vector(1), b: vector(2), c: vector(3) },
    { d: vector(40), b: vector(20) },
    { b: vector(200), c: vector(300) },
  );
  const { tensors, details } = load({ paths, parameters: { a: [1], b: [1], c: [1], d: [1] } });
  const values = Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data[0]]));
  t.same(values, { a: 1, b: 200, c: 300, d: 40 });
  t.match(details.coverage, [
    { path: paths[0], total: 3, used: 1, overridden: 2, ignored: 0, dtypes: { fp32: 3 } },
    { path: paths[1], total: 2, used: 1, overridden: 1 },
    { path: paths[2], total: 2, used: 2, overridden: 0 },
  ]);
  t.same(details.progress, [1, 4, 2, 4, 3, 4, 4, 4]);
});

t.test("casts, and lays convolutions out channels-last where asked", async (t) => {
  const data = Float32Array.from({ length: 24 }, (_, i) => 1 + i / 1024);
  const paths = writeLayers(t, { conv: { shape: [2, 3, 2, 2], data }, bias: vector(1 + 1 / 1024) });
  const parameters = { conv: [2, 3, 2, 2], bias: [1] };
  const plain = load({ paths, parameters });
  t.same(plain.tensors.conv?.data, data);
  t.same(plain.details.strides.conv, [12, 4, 2, 1]);
  const cast = load({ paths, parameters, bf16: true, channelsLast: true });
  t.same(cast.details.strides.conv, [12, 1, 6, 3]);
  t.equal(cast.tensors.bias?.data[0], 1, "rounded to 8 bits");
  // 1 + 17/1024 lies between bf16's 1 + 2/128 and 1 + 3/128, nearer to the first.
  t.equal(cast.tensors.conv?.data[17], 1 + 2 / 128);
});

t.test("1x1 convolutions and linear layers are the same weights", async (t) => {
  const data = new Float32Array([1, 2, 3, 4]);
  const paths = writeLayers(t, { a: { shape: [2, 2, 1, 1], data }, b: { shape: [2, 2], data } });
  const { tensors } = load({ paths, parameters: { a: [2, 2], b: [2, 2, 1, 1] } });
  t.same(tensors.a, { shape: [2, 2], data });
  t.same(tensors.b, { shape: [2, 2, 1, 1], data });
});

t.test("old names of the VAE's attention", async (t) => {
  const place = "encoder.mid_block.attentions.0";
  const old = { query: "to_q", key: "to_k", value: "to_v", proj_attn: "to_out.0" };
  const names = Object.entries(old).flatMap(([from, to]) =>
    ["weight", "bias"].map((part) => [`${place}.${from}.${part}`, `${place}.${to}.${part}`] as const),
  );
  const paths = writeLayers(t, Object.fromEntries(names.map(([from], i) => [from, vector(i)])));
  const parameters = Object.fromEntries(names.map(([, to]) => [to, [1]]));
  const { tensors } = load({ paths, map: "vae", parameters });
  for (const [i, [, to]] of names.entries()) t.equal(tensors[to]?.data[0], i, to);
});

t.test("CLIP's text encoder with and without its prefix, alone and in a CLIP model", async (t) => {
  const names = ["embeddings.token_embedding.weight", "final_layer_norm.bias"];
  const parameters = Object.fromEntries(names.map((name) => [`text_model.${name}`, [1]]));
  const bare = {
    ...Object.fromEntries(names.map((name, i) => [name, vector(i)])),
    "embeddings.position_ids": vector(0, 1),
  };
  const whole = {
    ...Object.fromEntries(names.map((name, i) => [`text_model.${name}`, vector(i)])),
    "text_model.embeddings.position_ids": vector(0, 1),
    "vision_model.embeddings.class_embedding": vector(5),
    "visual_projection.weight": vector(5),
    "text_projection.weight": vector(5),
    logit_scale: vector(5),
  };
  for (const [layer, ignored] of [
    [bare, 1],
    [whole, 5],
  ] as const) {
    const { tensors, details } = load({ paths: writeLayers(t, layer), map: "clip", parameters });
    t.same(
      names.map((name) => tensors[`text_model.${name}`]?.data[0]),
      [0, 1],
    );
    t.equal(details.coverage[0]?.ignored, ignored);
  }
});

t.test("every key is accounted for", async (t) => {
  const [path = ""] = writeLayers(t, {
    "down_blocks.0.resnets.0.conv1.weight": vector(1, 2),
    "conv_in.weight": vector(1),
    "time_embedding.linear_1.weight": vector(1),
    stranger: vector(1),
  });
  const parameters = {
    "conv_in.weight": [1],
    "conv_out.weight": [1],
    "down_blocks.0.resnets.0.conv1.weight": [3],
  };
  throwsTyped(
    t,
    () => load({ paths: [path], parameters }),
    "ERR_WEIGHTS_MISMATCH",
    "do not fit the test network",
    path,
    'missing parameters (1): "conv_out.weight"; ',
    'unknown keys (2): "',
    '"stranger"',
    /wrong shapes \(1\): ".*conv1\.weight \(2\) for \(3\)"/,
    "looks like a Stable Diffusion UNet",
  );
});

t.test("many unknown keys are counted, not listed", async (t) => {
  const names = Array.from({ length: 50 }, (_, i) => `key${String(i).padStart(2, "0")}`);
  const paths = writeLayers(t, Object.fromEntries(names.map((name) => [name, vector(1)])));
  const message = /unknown keys \(50\): "key00", "key01", "key02", "key03" and 46 more/;
  throwsTyped(t, () => load({ paths, parameters: {} }), "ERR_WEIGHTS_MISMATCH", message);
});

t.test("two keys for one parameter are refused", async (t) => {
  const place = "decoder.mid_block.attentions.0";
  const paths = writeLayers(t, { [`${place}.query.bias`]: vector(1), [`${place}.to_q.bias`]: vector(2) });
  const config = { paths, map: "vae", parameters: { [`${place}.to_q.bias`]: [1] } };
  throwsTyped(t, () => load(config), "ERR_WEIGHTS_FORMAT", "is there twice");
});

t.test("a request can be aborted between two parameters", async (t) => {
  const paths = writeLayers(t, { a: vector(1), b: vector(2), c: vector(3) });
  const config = { paths, parameters: { a: [1], b: [1], c: [1] }, cancelAt: 2 };
  throwsTyped(t, () => load(config), "ERR_ABORTED", "aborted");
});

t.test("a network that does not fit into memory is refused before anything is allocated", async (t) => {
  const path = join(t.testdir(), "huge.safetensors");
  const numbers = 2 ** 38;
  const header = JSON.stringify({ huge: { dtype: "F32", shape: [numbers], data_offsets: [0, 4 * numbers] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, "w");
  writeSync(file, Buffer.concat([length, Buffer.from(header)]));
  ftruncateSync(file, 8 + header.length + 4 * numbers);
  closeSync(file);
  const config = { paths: [path], parameters: { huge: [numbers] } };
  throwsTyped(t, () => load(config), "ERR_OUT_OF_MEMORY", "the test network needs 2199.0 GB", "GB are free");
});
