import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import type { LearnedWord } from "#ts/tokens/learned_words.js";
import { ClipTokenizer, type Reading } from "#ts/tokens/tokenizer.js";

const folder = join("test", "fixtures", "tokens");
const vocab: Record<string, number> = JSON.parse(readFileSync(join(folder, "vocab.json"), "utf8"));
const size = Object.keys(vocab).length;
const [start, end] = [size - 2, size - 1];
const chunked: Reading = { emphasis: "a1111", longPrompt: "chunks" };

const open = (words: Record<string, number>, embeddings = size) => {
  const files = Object.entries(words).map(
    ([token, vectors], i): LearnedWord => ({ token, vectors, file: `${i}.pt` }),
  );
  return ClipTokenizer.load(folder, embeddings, files);
};

/** The ids between the first start and the end after it. */
function idsOf(tokenizer: ClipTokenizer, text: string, reading?: Reading): number[] {
  const ids = [...tokenizer.encode(text, 77, reading).ids];
  return ids.slice(1, ids.indexOf(end));
}

test("words go on from the vocabulary in the order of loading, each vector a token", async (t) => {
  const tokenizer = await open({ "<fox>": 3, "<hat>": 1, badpic: 2 });
  const [the] = idsOf(tokenizer, "the");
  for (const reading of [undefined, chunked]) {
    t.strictSame(idsOf(tokenizer, "<fox>", reading), [size, size + 1, size + 2]);
    t.strictSame(idsOf(tokenizer, "the<hat>the", reading), [the, size + 3, the]);
    t.strictSame(idsOf(tokenizer, "BadPic, <FOX>_2", reading), [
      size + 4,
      size + 5,
      vocab[",</w>"],
      size + 2,
    ]);
    t.strictSame(idsOf(tokenizer, "badpic_1", reading), [size + 5]);
  }
});

test("emphasis, BREAK and learned words go together", async (t) => {
  const tokenizer = await open({ "<fox>": 3, "fox (2)": 1 });
  const [the = 0] = idsOf(tokenizer, "the");
  const { ids, weights } = tokenizer.encode("the (<fox>:1.3) BREAK [fox \\(2\\)]", 7, chunked);
  t.strictSame(
    [...ids],
    [start, the, size, size + 1, size + 2, end, end, start, size + 3, ...[end, end, end, end, end]],
  );
  t.strictSame(
    [...(weights as Float32Array)].map((weight) => Number(weight.toFixed(2))),
    [1, 1, 1.3, 1.3, 1.3, 1, 1, 1, 0.91, 1, 1, 1, 1, 1],
  );
});

test("a word is not parted between chunks, and is where a prompt is cut", async (t) => {
  const tokenizer = await open({ "<fox>": 3 });
  const prompt = "the the the <fox>";
  const { ids } = tokenizer.encode(prompt, 7, chunked);
  t.strictSame([...ids.subarray(7, 12)], [start, size, size + 1, size + 2, end]);
  const cut = tokenizer.encode(prompt, 7, { ...chunked, longPrompt: "cut" });
  t.strictSame([...cut.ids.subarray(4)], [size, size + 1, end]);
  t.match(cut, { kept: 5, total: 6, cutAfter: "the <fox> <fox>_1" });
});

test("a token that is there already is refused by name", async (t) => {
  const refused = (token: string, file = "0.pt") => ({
    code: "ERR_INVALID_OPTION",
    message: `embeddings: the token "${token}" of ${file} is there already, in the vocabulary or of another file: give that file another \`token\``,
  });
  await t.rejects(open({ the: 1 }), refused("the"));
  await t.rejects(open({ The: 1 }), refused("The"));
  await t.rejects(open({ "<|endoftext|>": 1 }), refused("<|endoftext|>"));
  await t.rejects(open({ "<fox>": 1, "<Fox>": 1 }), refused("<Fox>", "1.pt"));
  await t.rejects(open({ "<fox>": 2, "<fox>_1": 1 }), refused("<fox>_1", "1.pt"));
  await t.rejects(open({ "<fox>_1": 1, "<fox>": 2 }), refused("<fox>", "1.pt"));
});

test("a token needs something to be found by", async (t) => {
  for (const token of ["", " \t", "x".repeat(201)]) {
    await t.rejects(open({ [token]: 1 }), {
      code: "ERR_INVALID_OPTION",
      message: /^embeddings: the token ".*" of 0\.pt must have 1 to 200 characters/,
    });
  }
  t.strictSame(idsOf(await open({ " <fox> ": 1 }), "<fox>"), [size]);
});

test("what only the tokenizer knows is not taken for a word that was loaded", async (t) => {
  const own = t.testdir({ "added_tokens.json": JSON.stringify({ "<old>": size }) });
  for (const name of ["vocab.json", "merges.txt"]) cpSync(join(folder, name), join(own, name));
  const tokenizer = await ClipTokenizer.load(own, size, [{ token: "<fox>", vectors: 1, file: "0.pt" }]);
  t.strictSame(idsOf(tokenizer, "<fox>"), [size]);
  t.throws(() => tokenizer.encode("<fox> <old>", 77), {
    code: "ERR_WEIGHTS_MISMATCH",
    message: `the tokenizer knows "<old>" as token ${size}, but the text encoder has learned only tokens 0 to ${size - 1}: load`,
  });
});

test("plain prompts have the ids that they have without any of this", async (t) => {
  const tokenizer = await open({});
  for (const text of ["", 'A cat: \\ "hat", {x|y} <b>', "the ".repeat(75), "BREAKING news"]) {
    t.strictSame(tokenizer.encode(text, 77, chunked), tokenizer.encode(text, 77));
  }
});

test("prompts of a thousand tokens are read, and more chunks than there is room for are refused", async (t) => {
  const tokenizer = await open({});
  const long = tokenizer.encode("the ".repeat(1000), 77, chunked);
  t.match(long, {
    ids: { length: 14 * 77 },
    kept: 1000,
    total: 1000,
    cutAfter: undefined,
    weights: undefined,
  });
  t.equal(tokenizer.encode("BREAK ".repeat(32), 77, chunked).ids.length, 32 * 77);
  const message = "it has 33 chunks of 75 tokens; at most 32 are allowed: shorten it";
  for (const text of ["the ".repeat(2401), "BREAK ".repeat(33), "BREAK a ".repeat(32)]) {
    t.throws(() => tokenizer.encode(text, 77, chunked), { code: "ERR_INVALID_OPTION", message });
  }
});

test("cut, a prompt is one chunk, in which BREAK is no token", async (t) => {
  const tokenizer = await open({});
  const cut = { ...chunked, longPrompt: "cut" } as const;
  t.strictSame(idsOf(tokenizer, "the BREAK the", cut), idsOf(tokenizer, "the the"));
  t.match(tokenizer.encode("the ".repeat(76), 77, cut), { kept: 75, total: 76, cutAfter: "the the the" });
});
