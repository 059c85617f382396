/** Damages bytes and JSON as chance, or someone who means it, would. */

/** A whole number from 0 and below `below`. */
export type Random = (below: number) => number;

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}

/** Numbers at whose sides programs go wrong, as 64 bits. */
const edges = [0n, 1n, 2n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n];
const farEdges = [2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 8n, 2n ** 64n - 1n];

type Mutation = (bytes: Buffer, at: number, random: Random) => Buffer;

function replace(bytes: Buffer, at: number, length: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]);
}

const someBytes = (random: Random, most: number) =>
  Buffer.from(Array.from({ length: 1 + random(most) }, () => random(256)));

const flipBit: Mutation = (bytes, at, random) =>
  replace(bytes, at, 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << random(8))]));

/** A number of 1 to 8 bytes, in either order. */
const setNumber: Mutation = (bytes, at, random) => {
  const width = pick(random, [1, 2, 4, 8]);
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(pick(random, [...edges, ...farEdges]));
  const written = Buffer.from(number.subarray(0, width));
  return replace(bytes, at, width, random(2) ? written : written.reverse());
};

const cut: Mutation = (bytes, at) => bytes.subarray(0, at);
const remove: Mutation = (bytes, at, random) => replace(bytes, at, 1 + random(64), Buffer.alloc(0));
const insert: Mutation = (bytes, at, random) => replace(bytes, at, 0, someBytes(random, 32));
const overwrite: Mutation = (bytes, at, random) => replace(bytes, at, 8, someBytes(random, 8));
const repeat: Mutation = (bytes, at, random) => {
  const part = bytes.subarray(at, at + 1 + random(64));
  return replace(bytes, at, 0, Buffer.concat(Array<Buffer>(1 + random(20)).fill(part)));
};
/** What stands elsewhere stands here too. */
const copyOver: Mutation = (bytes, at, random) => {
  const from = random(bytes.length);
  const part = bytes.subarray(from, from + 1 + random(64));
  return replace(bytes, at, part.length, part);
};

const mutations = [flipBit, flipBit, setNumber, setNumber, cut, remove, insert, overwrite, repeat, copyOver];

/** `bytes` with one to eight things wrong: half of them where headers are, at the start or the end. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let mutated = bytes;
  for (let left = 1 + random(8); left > 0 && mutated.length > 0; left--) {
    const near = random(Math.min(64, mutated.length));
    const at = pick(random, [
      near,
      mutated.length - 1 - near,
      random(mutated.length),
      random(mutated.length),
    ]);
    mutated = pick(random, mutations)(mutated, at, random);
  }
  return mutated;
}

/** The beginning of one file and the end of another. */
export function splice(a: Buffer, b: Buffer, random: Random): Buffer {
  return Buffer.concat([a.subarray(0, random(a.length + 1)), b.subarray(random(b.length + 1))]);
}

const jsonToken = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[\]{},:]/g;

/** Values that a JSON file may have. */
const jsonValues = [
  ..."null true false 0 1 -1 3 7 64 1000 1048576 2147483648 9007199254740993 18446744073709551616".split(" "),
  ..."-9223372036854775808 1e308 1e999 1e-320 0.5 -0.0 NaN Infinity -Infinity".split(" "),
  ...`"" "0" "constructor" "__proto__" "../x" "\\u0000" "\\ud800" "\xff" "\n" [] {} [[]]`.split(" "),
  ...`[1] [1,2,3,4] [0,-1] [null] {"a":1}`.split(" "),
  `"${"long ".repeat(2000)}"`,
  `[${"1,".repeat(2000)}1]`,
  `${'{"a":'.repeat(60)}1${"}".repeat(60)}`,
];
/** And what it may not. */
const jsonBreaks = ["007", "0x10", "1.", ".5", "", ..."[]{},:", "\0", "'a'", "undefined", "[".repeat(5000)];

/** JSON with one to four of its tokens replaced, left out, or exchanged for others of its own. */
export function mutateJson(json: string, random: Random): string {
  let mutated = json;
  for (let left = 1 + random(4); left > 0; left--) {
    const tokens = [...mutated.matchAll(jsonToken)];
    const values = tokens.filter(([token]) => !"[]{},:".includes(token));
    if (values.length === 0) break;
    const { 0: token, index } = pick(random, random(12) === 0 ? tokens : values);
    const breaks = random(12) === 0 || "[]{},:".includes(token);
    const by = random(4) === 0 ? pick(random, values)[0] : pick(random, breaks ? jsonBreaks : jsonValues);
    mutated = mutated.slice(0, index) + by + mutated.slice(index + token.length);
  }
  return mutated;
}
