import { test } from "tap";
import { chunkEnd, chunksOf, type TokenGroup } from "#ts/tokens/chunks.js";

const comma = 0;

/** Tokens as numbers, a learned word's as a list, "|" for BREAK; the chunks in the same way. */
function chunks(tokens: (number | number[] | "|")[], length: number): (number | number[])[][] {
  const groups = tokens.map((token): TokenGroup | typeof chunkEnd =>
    token === "|" ? chunkEnd : { ids: [token].flat(), weight: 1 },
  );
  return chunksOf(groups, length, comma).map((chunk) =>
    chunk.map(({ ids }) => (ids.length === 1 ? (ids[0] as number) : [...ids])),
  );
}

const run = (count: number, token = 1) => Array.from({ length: count }, () => token);

test("a chunk takes so many tokens, and there is always one", async (t) => {
  t.strictSame(chunks([], 3), [[]]);
  t.strictSame(chunks([1, 2, 3], 3), [[1, 2, 3]]);
  t.strictSame(chunks([1, 2, 3, 4], 3), [[1, 2, 3], [4]]);
  t.strictSame(
    chunks(run(1000), 75).map((chunk) => chunk.length),
    [...run(13, 75), 25],
  );
});

test("BREAK begins a new chunk, be the one before it empty or not", async (t) => {
  t.strictSame(chunks([1, "|", 2], 3), [[1], [2]]);
  t.strictSame(chunks([1, "|"], 3), [[1]]);
  t.strictSame(chunks(["|", 1], 3), [[], [1]]);
  t.strictSame(chunks([1, "|", "|", 2], 3), [[1], [], [2]]);
  t.strictSame(chunks(["|"], 3), [[]]);
  t.strictSame(chunks(["|", "|"], 3), [[], []]);
  t.strictSame(chunks([1, 2, 3, "|", 4], 3), [[1, 2, 3], [4]]);
});

test("a phrase that doesn't fit goes on to the next chunk as a whole", async (t) => {
  t.strictSame(chunks([1, comma, 2, 3], 3), [
    [1, comma],
    [2, 3],
  ]);
  t.strictSame(chunks([1, 2, comma, 3], 3), [[1, 2, comma], [3]]);
  t.strictSame(chunks([1, 2, 3, comma, 4], 3), [
    [1, 2, 3],
    [comma, 4],
  ]);
  t.strictSame(chunks([1, comma, 2, comma], 3), [[1, comma, 2], [comma]]);
  t.strictSame(chunks([comma, 1, 2, "|", 3], 3), [[comma, 1, 2], [3]]);
});

test("but no phrase of more than 19 tokens", async (t) => {
  const short = [...run(55), comma, ...run(19, 2), 3];
  t.strictSame(chunks(short, 75), [
    [...run(55), comma],
    [...run(19, 2), 3],
  ]);
  const long = [...run(54), comma, ...run(20, 2), 3];
  t.strictSame(chunks(long, 75), [[...run(54), comma, ...run(20, 2)], [3]]);
});

test("a learned word stays whole", async (t) => {
  t.strictSame(chunks([1, [7, 8, 9]], 3), [[1], [[7, 8, 9]]]);
  t.strictSame(
    chunks(
      [
        [7, 8, 9],
        [7, 8, 9],
      ],
      3,
    ),
    [[[7, 8, 9]], [[7, 8, 9]]],
  );
  t.strictSame(chunks([1, comma, 2, [7, 8, 9]], 3), [[1, comma], [2], [[7, 8, 9]]]);
});
