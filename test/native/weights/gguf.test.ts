import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { assertClose } from "../../support/compare.js";
import { u32 } from "../../support/fuzz/build.js";
import { field, fields, type GgufClaim, gguf, list, tensorInfo, types } from "../../support/fuzz/gguf.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

const folder = join("test", "fixtures", "gguf");
const path = join(folder, "types.gguf");
interface Expected {
  type: string;
  shape: number[];
  first: number[];
  sha256: string;
}
const expected: Record<string, Expected> = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));

interface Read {
  format: string;
  metadata: Record<string, string>;
  dtypes: Record<string, string>;
}

t.test("every type is what the gguf library makes of it, to the bit", async (t) => {
  const { tensors, details } = runWeights<Read>("read", { path });
  t.equal(details.format, "gguf");
  t.same(Object.keys(tensors).sort(), [...Object.keys(expected), "int32"].sort());
  for (const [name, { type, shape, first, sha256 }] of Object.entries(expected)) {
    const data = Float32Array.from(tensors[name]?.data ?? []);
    t.equal(details.dtypes[name], type, name);
    t.same(tensors[name]?.shape, shape, name);
    t.same([...data.subarray(0, first.length)], first, name);
    t.equal(createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex"), sha256, name);
  }
  t.same([...(tensors.int32?.data ?? [])], [-70000, 70000]);
  t.match(details.metadata, { "general.architecture": "sd1", yes: "true", half: "0.500000" });
  t.notMatch(Object.keys(details.metadata).join(), /tokens|scores/, "lists are left out");
});

t.test("inspect says the types, and loading widens them", async (t) => {
  const { details } = runWeights<Read & { fingerprint: string }>("inspect", { path });
  t.equal(details.format, "gguf");
  t.match(details.dtypes, { q8_0: 2, q4_k: 1, q6_k: 1, fp16: 2, bf16: 1, int32: 1 });
  t.match(details.fingerprint, /^[0-9a-f]{16}$/);
  const shapes = Object.entries(expected).map(([name, { shape }]) => [name, shape] as const);
  const parameters = { ...Object.fromEntries(shapes), int32: [2] };
  const { tensors: read } = runWeights("read", { path });
  for (const options of [{}, { channelsLast: true }, { bf16: true }]) {
    const { tensors } = runWeights("load", { paths: [path], parameters, ...options });
    const tolerance = "bf16" in options ? 2 ** -8 : 0;
    for (const name of Object.keys(parameters)) assertClose(t, tensors[name], read[name], tolerance, name);
  }
});

function readGguf(t: Test, claim: GgufClaim) {
  const path = join(t.testdir(), "w.gguf");
  writeFileSync(path, gguf(claim));
  return runWeights<Read>("read", { path });
}

t.test("versions 2 and 3, any alignment, scalars and empty tensors are read", async (t) => {
  const floats = Buffer.from(Float32Array.of(1, 2, 3).buffer);
  const data = Buffer.concat([floats.subarray(0, 8), Buffer.alloc(1), floats.subarray(8)]);
  for (const version of [2, 3]) {
    const { tensors } = readGguf(t, {
      version,
      alignment: 1,
      fields: [field("general.alignment", fields.u32, u32(1))],
      tensors: [
        tensorInfo({ name: "a", dims: [2] }),
        tensorInfo({ name: "i", dims: [1], type: types.i8, offset: 8 }),
        tensorInfo({ name: "scalar", dims: [], offset: 9 }),
        tensorInfo({ name: "none", dims: [0, 3], type: types.q4_k, offset: 13 }),
      ],
      data,
    });
    t.same([...(tensors.a?.data ?? [])], [1, 2]);
    t.same([...(tensors.scalar?.data ?? [])], [3]);
    t.same(tensors.scalar?.shape, []);
    t.same(tensors.none?.shape, [3, 0]);
  }
});

t.test("refuses what it can't read, by name and with the remedy", async (t) => {
  const shape = (...sizes: number[]) =>
    field(
      "comfy.gguf.orig_shape.a",
      fields.list,
      list(
        fields.i32,
        sizes.map((size) => u32(size >>> 0)),
      ),
    );
  const refused: [GgufClaim, ...(string | RegExp)[]][] = [
    [{ tensors: [tensorInfo({ type: types.iq2_xxs })] }, '"a"', "iq2_xxs", /q8_0.*q4_k.*safetensors/],
    [{ tensors: [tensorInfo({ type: 77 })] }, '"a"', "number 77"],
    [{ tensors: [tensorInfo({ type: types.q4_k, dims: [128, 2] })] }, '"a"', "(2, 128)", "q4_k"],
    [{ tensors: [tensorInfo({ dims: [2 ** 33, 2 ** 33] })] }, '"a"'],
    [{ tensors: [tensorInfo({ dims: [3] })] }, '"a" has 12 bytes', "cut short"],
    [{ tensors: [tensorInfo({ offset: 32 })] }, '"a" lies at byte 32 instead of 0'],
    [{ tensors: [tensorInfo(), tensorInfo({ offset: 32 })] }, '"a" is there twice'],
    [{ fields: [shape(3)] }, '"a" of shape (2) was never of (3)'],
    [{ fields: [shape(-1, -2)] }, '"a" of shape (2) was never of'],
    [{ version: 1 }, "version 1", "versions 2 and 3"],
    [{ version: 3 << 24 }, "big-endian"],
  ];
  for (const [claim, ...parts] of refused) {
    throwsTyped(t, () => readGguf(t, claim), "ERR_WEIGHTS_FORMAT", "w.gguf", ...parts);
  }
});
