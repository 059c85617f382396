import { makeRandom, u32, u64 } from "./build.js";
import { bitFlips, type Cases, truncations } from "./corpus.js";
import { field, fields, type GgufClaim, gguf, ggufText, list, tensorInfo, types } from "./gguf.js";

const valid = gguf({
  fields: [
    field("general.architecture", fields.text, ggufText("sd1")),
    field("general.alignment", fields.u32, u32(32)),
    field("words", fields.list, list(fields.text, [ggufText("a"), ggufText("bc")])),
    field("comfy.gguf.orig_shape.b", fields.list, list(fields.i32, [u32(4), u32(8)])),
  ],
  tensors: [tensorInfo(), tensorInfo({ name: "b", dims: [32], type: types.q8_0, offset: 32 })],
  data: Buffer.alloc(32 + 34, 1),
});

/** Bits whose turning makes another file of it: of the magic, the version, the counts, the first key's length. */
const headerBits = [0, 9, 20, 31, 33, 34, 47, 63, 64, 66, 70, 90, 127, 130, 140, 190, 193, 196, 220, 255];

const shape = (sizes: number[], type: number = fields.i32) =>
  field("comfy.gguf.orig_shape.a", fields.list, list(type, sizes.map(u32)));
const tensor = (claim: Parameters<typeof tensorInfo>[0]): GgufClaim => ({ tensors: [tensorInfo(claim)] });
const withField = (type: number, value: Buffer): GgufClaim => ({ fields: [field("k", type, value)] });
const huge = 2n ** 63n;

const headers: Record<string, GgufClaim> = {
  "version-0": { version: 0 },
  "version-1": { version: 1 },
  "version-4": { version: 4 },
  "version-2-to-31": { version: 2 ** 31 },
  "big-endian": { version: 3 << 24 },
  "claims-more-tensors": { tensorCount: 2 },
  "claims-200001-tensors": { tensorCount: 200_001 },
  "claims-2-to-63-tensors": { tensorCount: huge },
  "claims-more-fields": { fieldCount: 1 },
  "claims-200001-fields": { fieldCount: 200_001 },
  "claims-2-to-64-less-1-fields": { fieldCount: 2n ** 64n - 1n },
  "key-of-2-to-63": { fields: [Buffer.concat([ggufText("k", huge), u32(fields.u32), u32(1)])] },
  "key-of-2-to-64-less-1": { fields: [ggufText("k", 2n ** 64n - 1n)] },
  "key-past-the-end": { fields: [ggufText("k", 1000)] },
  "key-no-utf8": { fields: [field(Buffer.from([0xff, 0xc0]), fields.u32, u32(1))] },
  "key-twice": { fields: [field("k", fields.u32, u32(1)), field("k", fields.u32, u32(1))] },
  "field-of-type-13": withField(13, u64(0)),
  "field-of-type-2-to-32-less-1": withField(2 ** 32 - 1, u64(0)),
  "text-past-the-end": withField(fields.text, ggufText("v", 1000)),
  "text-of-2-to-63": withField(fields.text, ggufText("v", huge)),
  "text-no-utf8": withField(fields.text, ggufText(Buffer.from([0xed, 0xa0, 0x80]))),
  "list-past-the-end": withField(fields.list, list(fields.u8, [], 1000)),
  "list-of-2-to-63": withField(fields.list, list(fields.u8, [], huge)),
  "list-of-2-to-61-numbers-of-8-bytes": withField(fields.list, list(fields.u64, [], 2n ** 61n)),
  "list-of-2-to-64-less-1-texts": withField(fields.list, list(fields.text, [], 2n ** 64n - 1n)),
  "list-of-a-text-of-2-to-63": withField(fields.list, list(fields.text, [ggufText("", huge)])),
  "list-of-lists": withField(fields.list, list(fields.list, [list(fields.u8, [])])),
  "list-of-type-13": withField(fields.list, list(13, [], 0)),
  "alignment-0": { fields: [field("general.alignment", fields.u32, u32(0))] },
  "alignment-3": { fields: [field("general.alignment", fields.u32, u32(3))] },
  "alignment-past-the-end": { fields: [field("general.alignment", fields.u32, u32(2 ** 31))] },
  "alignment-of-64-bits": { fields: [field("general.alignment", fields.u64, u64(32))] },
  "alignment-as-text": { fields: [field("general.alignment", fields.text, ggufText("32"))] },
  "shape-of-more": { fields: [shape([3])] },
  "shape-of-less": { fields: [shape([1])] },
  "shape-negative": { fields: [shape([2 ** 32 - 1, 2 ** 32 - 2])] },
  "shape-that-wraps": { fields: [shape([2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1])] },
  "shape-of-17": { fields: [shape([2, ...Array(16).fill(1)])] },
  "shape-of-unsigned": { fields: [shape([2], fields.u32)] },
  "shape-cut-short": { fields: [field("comfy.gguf.orig_shape.a", fields.list, list(fields.i32, [], 4))] },
};

const tensors: Record<string, GgufClaim> = {
  "name-past-the-end": { tensors: [ggufText("a", 1000)] },
  "name-of-2-to-64-less-1": { tensors: [ggufText("a", 2n ** 64n - 1n)] },
  "name-no-utf8": tensor({ name: Buffer.from([0xc0, 0x80]) }),
  "name-twice": { tensors: [tensorInfo(), tensorInfo({ offset: 32 })], data: Buffer.alloc(40) },
  "5-dimensions": tensor({ dims: [2, 1, 1, 1, 1] }),
  "2-to-32-less-1-dimensions": tensor({ dimensions: 2 ** 32 - 1 }),
  "fewer-dimensions-than-said": tensor({ dimensions: 3 }),
  "size-of-2-to-63": tensor({ dims: [huge] }),
  "size-of-2-to-64-less-1": tensor({ dims: [2n ** 64n - 1n] }),
  "product-wraps-to-2": tensor({ dims: [2n ** 32n, 2n ** 32n, 2] }),
  "bytes-wrap": tensor({ dims: [2n ** 62n] }),
  "bytes-of-blocks-wrap": tensor({ dims: [2n ** 62n, 1], type: types.q8_0 }),
  "empty-and-huge": tensor({ dims: [0, 2n ** 62n, 2n ** 62n] }),
  "more-than-there-is": tensor({ dims: [3] }),
  "offset-not-aligned": tensor({ offset: 4 }),
  "offset-past-the-end": tensor({ offset: 32 }),
  "offset-of-2-to-63": tensor({ offset: huge }),
  "offset-wraps": tensor({ offset: 2n ** 64n - 32n }),
  "same-bytes-twice": { tensors: [tensorInfo(), tensorInfo({ name: "b" })] },
  "hole-between": {
    tensors: [tensorInfo(), tensorInfo({ name: "b", offset: 64 })],
    data: Buffer.alloc(72),
  },
  "row-of-half-a-block": tensor({ dims: [16, 2], type: types.q8_0 }),
  "row-of-half-a-large-block": tensor({ dims: [128, 2], type: types.q4_k }),
  "scalar-in-blocks": tensor({ dims: [], type: types.q4_0 }),
  "block-cut-short": { ...tensor({ dims: [32], type: types.q8_0 }), data: Buffer.alloc(33) },
  "large-block-cut-short": { ...tensor({ dims: [256], type: types.q2_k }), data: Buffer.alloc(83) },
  "blocks-of-none": { ...tensor({ dims: [2n ** 40n], type: types.q2_k }), data: Buffer.alloc(0) },
  "second-cut-short": {
    tensors: [tensorInfo(), tensorInfo({ name: "b", offset: 32 })],
    data: Buffer.alloc(39),
  },
};

/** Types that are there no more, or can't be read, or aren't there. */
const strangeTypes = [
  4,
  5,
  9,
  15,
  16,
  17,
  18,
  19,
  20,
  21,
  22,
  23,
  29,
  31,
  36,
  34,
  35,
  39,
  40,
  77,
  2 ** 32 - 1,
];

function randomHeaders(count: number): Cases {
  const cases: Cases = {};
  for (let seed = 0; seed < count; seed++) {
    const random = makeRandom(seed);
    const noise = Buffer.from(Array.from({ length: 400 }, () => random(seed % 2 ? 256 : 4)));
    cases[`random-${seed}`] = gguf({ fields: [noise], fieldCount: 1000 });
  }
  return cases;
}

export function ggufCases(): Cases {
  const claims = { ...headers, ...tensors };
  const typed = strangeTypes.map((type) => [`type-${type}`, tensor({ dims: [256], type })] as const);
  const all = [...Object.entries(claims), ...typed];
  return {
    ...truncations(valid, 30),
    ...bitFlips(valid, headerBits),
    ...Object.fromEntries(all.map(([name, claim]) => [name, gguf(claim)])),
    ...randomHeaders(10),
    "a-million-fields": gguf({ fields: Array(150_000).fill(field("k", fields.u8, Buffer.alloc(1))) }),
  };
}

/** A well-formed file with all that a header may have. */
export const goodGguf = valid;
