import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { assertClose } from "../../support/compare.js";
import { readSafetensors } from "../../support/safetensors.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

const fixtures = "test/fixtures/weights";
const expected = readSafetensors(join(fixtures, "expected.safetensors"));

interface Read {
  format: string;
  metadata: Record<string, string>;
  dtypes: Record<string, string>;
}

t.test("reads every dtype as the safetensors library wrote it", async (t) => {
  const { tensors, details } = runWeights<Read>("read", { path: join(fixtures, "state.safetensors") });
  t.same(Object.keys(tensors).sort(), Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected)) assertClose(t, tensors[name], tensor, 0, name);
  t.same(details.metadata, { format: "pt", made: "by safetensors" });
  t.equal(details.format, "safetensors");
  t.match(details.dtypes, { double: "fp64", "linear.bias": "fp16", "norm.weight": "bf16", bool: "bool" });
});

t.test("reads tensors that are not aligned", async (t) => {
  const { folder, file } = emptyPath(t);
  const header = Buffer.from(
    '{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}',
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = Buffer.alloc(9);
  data.writeUInt8(7, 0);
  data.writeFloatLE(0.5, 1);
  data.writeFloatLE(-3, 5);
  writeFileSync(file, Buffer.concat([length, header, data]));
  const { tensors } = runWeights("read", { path: file });
  t.same([...(tensors.f?.data ?? [])], [0.5, -3]);
  t.same([...(tensors.b?.data ?? [])], [7]);
  t.same(readdirSync(folder), ["w.safetensors"]);
});

t.test("writes what it reads", async (t) => {
  const { folder, file } = emptyPath(t);
  const a = { shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) };
  const b = { shape: [1, 1], data: new Uint8Array([9]) };
  const metadata = { note: 'a "quoted" ünïcode\nnote' };
  runWeights("write", { path: file, metadata, transposed: true }, { b, a });
  t.same(readdirSync(folder), ["w.safetensors"], "and leaves nothing else");
  const { tensors, details } = runWeights<Read>("read", { path: file });
  t.same(tensors.a?.shape, [3, 2]);
  t.same([...(tensors.a?.data ?? [])], [1, 4, 2, 5, 3, 6]);
  t.same([...(tensors.b?.data ?? [])], [9]);
  t.same(details.metadata, metadata);
  t.same(details.dtypes, { a: "fp32", b: "uint8" });
  const headerLength = Number(readFileSync(file).readBigUInt64LE(0));
  t.equal(headerLength % 8, 0, "the data are aligned");
});

t.test("writes half precision", async (t) => {
  const { file } = emptyPath(t);
  const a = { shape: [3], data: new Float32Array([1.5, -2, 0.25]) };
  for (const dtype of ["fp16", "bf16"]) {
    runWeights("write", { path: file, dtype }, { a });
    const { tensors, details } = runWeights<Read>("read", { path: file });
    t.same([...(tensors.a?.data ?? [])], [1.5, -2, 0.25]);
    t.same(details.dtypes, { a: dtype });
  }
});

t.test("a write that fails says why and leaves no part of a file", async (t) => {
  const { folder, file } = emptyPath(t);
  const a = { shape: [1], data: new Float32Array([1]) };
  const nowhere = join(folder, "none", "w.safetensors");
  throwsTyped(t, () => runWeights("write", { path: nowhere }, { a }), "ERR_CHECKPOINT", nowhere, "create it");
  mkdirSync(file);
  throwsTyped(t, () => runWeights("write", { path: file }, { a }), "ERR_CHECKPOINT", "is a folder");
  t.same(readdirSync(folder), ["w.safetensors"]);
});

function emptyPath(t: { testdir: () => string }): { folder: string; file: string } {
  const folder = t.testdir();
  return { folder, file: join(folder, "w.safetensors") };
}
