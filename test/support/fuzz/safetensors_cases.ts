import { safetensors, u64 } from "./build.js";
import { bitFlips, type Cases, truncations } from "./corpus.js";

const data = Buffer.alloc(16, 1);
const claim = (dtype: unknown, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets });
const good = claim("F32", [2], [0, 8]);
const rest = claim("F32", [2], [8, 16]);
const valid = safetensors({ __metadata__: { format: "pt" }, a: good, b: rest }, data);

/** Headers that lie about the 16 bytes of data after them. */
const lies: Record<string, object> = {
  overlap: { a: good, b: claim("F32", [2], [4, 12]), c: claim("F32", [1], [12, 16]) },
  "same-bytes": { a: claim("F32", [4], [0, 16]), b: claim("F32", [4], [0, 16]) },
  "hole-first": { a: claim("F32", [3], [4, 16]) },
  "hole-between": { a: claim("F32", [1], [0, 4]), b: rest },
  "bytes-left": { a: good },
  "out-of-range": { a: good, b: claim("F32", [4], [8, 24]) },
  "far-out-of-range": { a: claim("U8", [16], [2 ** 52, 2 ** 52 + 16]) },
  backwards: { a: claim("F32", [4], [16, 0]) },
  "too-few-bytes": { a: claim("F32", [5], [0, 16]) },
  "too-many-bytes": { a: claim("F32", [3], [0, 16]) },
  "odd-bytes": { a: claim("F32", [3], [0, 13]), b: claim("U8", [3], [13, 16]) },
  "negative-size": { a: claim("F32", [-4], [0, 16]) },
  "fractional-size": { a: claim("F32", [4.5], [0, 16]) },
  "text-size": { a: claim("F32", ["4"], [0, 16]) },
  "nested-shape": { a: claim("F32", [[4]], [0, 16]) },
  "null-shape": { a: claim("F32", null, [0, 16]) },
  "number-shape": { a: claim("F32", 4, [0, 16]) },
  "17-dimensions": { a: claim("F32", [4, ...Array(16).fill(1)], [0, 16]) },
  "product-wraps-to-4": { a: claim("F32", [2 ** 32, 2 ** 32, 4], [0, 16]) },
  "zero-and-huge": { a: claim("F32", [4], [0, 16]), b: claim("F32", [0, 2 ** 40, 2 ** 40], [16, 16]) },
  "one-offset": { a: claim("F32", [4], [0]) },
  "three-offsets": { a: claim("F32", [4], [0, 8, 16]) },
  "no-offsets": { a: { dtype: "F32", shape: [4] } },
  "no-dtype": { a: { shape: [4], data_offsets: [0, 16] } },
  "null-dtype": { a: claim(null, [4], [0, 16]) },
  "unknown-dtype": { a: claim("F31", [4], [0, 16]) },
  "fp8-e5m2fnuz": { a: claim("F8_E5M2FNUZ", [16], [0, 16]) },
  "fp8-e4m3fnuz": { a: claim("F8_E4M3FNUZ", [16], [0, 16]) },
  "fp8-e8m0": { a: claim("F8_E8M0", [16], [0, 16]) },
  "fp8-lower-case": { a: claim("f8_e4m3", [16], [0, 16]) },
  "fp8-too-few-bytes": { a: claim("F8_E4M3", [17], [0, 16]) },
  "fp8-too-many-bytes": { a: claim("F8_E5M2", [8], [0, 16]) },
  "fp8-product-wraps": { a: claim("F8_E4M3", [2 ** 32, 2 ** 32, 16], [0, 16]) },
  "fp8-overlap": { a: claim("F8_E4M3", [12], [0, 12]), b: claim("F8_E4M3", [8], [8, 16]) },
  "fp8-with-scales": {
    "a.weight": claim("F8_E4M3", [12], [0, 12]),
    "a.scale_weight": claim("F32", [], [12, 16]),
  },
  "fp8-with-scales-inside": { a: claim("F8_E5M2", [12], [0, 12]), scaled_fp8: claim("F32", [], [12, 16]) },
  fp4: { a: claim("F4", [32], [0, 16]) },
  "extra-property": { a: { ...claim("F32", [4], [0, 16]), run: "it" } },
  "tensor-is-list": { a: [good] },
  "tensor-is-null": { a: null },
  "metadata-is-number": { __metadata__: { format: 1 }, a: good, b: rest },
  "metadata-is-text": { __metadata__: "pt", a: good, b: rest },
  "metadata-nested": { __metadata__: { a: { b: "c" } }, a: good, b: rest },
  "no-tensors": {},
};

const one = '"dtype":"F32","shape":[4],"data_offsets":[0,16]';
const broken: Record<string, string | Buffer> = {
  "name-twice": `{"a":{${one}},"a":{${one}}}`,
  "dtype-twice": `{"a":{"dtype":"F16",${one}}}`,
  "metadata-twice": `{"__metadata__":{},"__metadata__":{},"a":{${one}}}`,
  "metadata-key-twice": `{"__metadata__":{"k":"1","k":"2"},"a":{${one}}}`,
  "size-of-2-to-64": '{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,16]}}',
  "size-of-2-to-63": '{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,16]}}',
  "size-of-1e400": '{"a":{"dtype":"U8","shape":[1e400],"data_offsets":[0,16]}}',
  "offset-of-2-to-64-less-1":
    '{"a":{"dtype":"U8","shape":[16],"data_offsets":[18446744073709551599,18446744073709551615]}}',
  "list-on-top": `[{"a":{${one}}}]`,
  "text-on-top": '"a"',
  "no-json": "{a}",
  "text-after-json": `{"a":{${one}}}{}`,
  unfinished: `{"a":{${one}`,
  "unfinished-text": '{"a',
  "bad-utf8": Buffer.concat([Buffer.from('{"'), Buffer.from([0xff, 0xc0, 0x80]), Buffer.from(`":{${one}}}`)]),
  "lone-surrogate": `{"\\ud800":{${one}}}`,
  "nul-in-json": `{"a":{${one}}\0}`,
  "deep-lists": `{"a":${"[".repeat(200_000)}`,
  "deep-objects": '{"a":'.repeat(100_000),
  "long-shape": `{"a":{"dtype":"U8","shape":[${"1,".repeat(500_000)}16],"data_offsets":[0,16]}}`,
  "a-million-tensors": `{${'"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},'.repeat(250_000)}"a":{${one}}}`,
};

export function safetensorsCases(): Cases {
  const lengthBits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 20, 26, 31, 32, 47, 62, 63];
  return {
    ...truncations(valid, 15),
    ...bitFlips(valid, lengthBits),
    "length-of-everything": Buffer.concat([u64(2n ** 64n - 1n), valid.subarray(8)]),
    "length-at-the-limit": Buffer.concat([u64(100_000_000), valid.subarray(8)]),
    "length-beyond-the-limit": Buffer.concat([u64(100_000_001), valid.subarray(8)]),
    "length-past-the-end": Buffer.concat([u64(valid.length - 7), valid.subarray(8)]),
    "byte-after-the-end": Buffer.concat([valid, Buffer.alloc(1)]),
    "space-before-header": safetensors(` {"a":{${one}}}`, data),
    ...Object.fromEntries(Object.entries(lies).map(([name, header]) => [name, safetensors(header, data)])),
    ...Object.fromEntries(Object.entries(broken).map(([name, header]) => [name, safetensors(header, data)])),
  };
}
