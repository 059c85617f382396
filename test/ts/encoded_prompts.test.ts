import { test } from "tap";
import { encodePrompts } from "#ts/encoded_prompts.js";
import { completeRequest } from "#ts/options/sample.js";
import { ClipTokenizer } from "#ts/tokens/tokenizer.js";
import { description } from "../support/description.js";

const tokenizer = await ClipTokenizer.load("test/fixtures/tokens");
const positions = description.textPositions;
const encode = (request: Partial<Parameters<typeof completeRequest>[0]>) =>
  encodePrompts(
    completeRequest({ prompt: "a", reference: "a.png", ...request }, description),
    description,
    tokenizer,
  );
const defaultNegative = description.options.negativePrompt as string;

test("the default negative prompt is cut, whether it was given or not", async (t) => {
  const { ids, total } = tokenizer.encode(defaultNegative, positions);
  t.ok(total > positions);
  for (const request of [{}, { negativePrompt: defaultNegative }]) {
    const { native, warnings } = encode(request);
    t.strictSame(native.negativeIds, ids);
    t.strictSame(native.promptIds, tokenizer.encode("a", positions).ids);
    t.strictSame(warnings, []);
  }
  t.equal(encode({ negativePrompt: `${defaultNegative}, cat` }).native.negativeIds.length % positions, 0);
  t.ok(encode({ negativePrompt: `${defaultNegative}, cat` }).native.negativeIds.length > positions);
});

test("the shorter prompt goes on with chunks of the empty one, at weight 1", async (t) => {
  const empty = tokenizer.encode("", positions).ids;
  const long = encode({ prompt: "the ".repeat(200), negativePrompt: "(a:2)" }).native;
  t.equal(long.promptIds.length, 3 * positions);
  t.equal(long.promptWeights, undefined);
  t.strictSame(long.negativeIds.subarray(positions, 2 * positions), empty);
  t.strictSame(long.negativeIds.subarray(2 * positions), empty);
  t.strictSame(long.negativeWeights?.length, 3 * positions);
  t.strictSame(
    long.negativeWeights?.filter((weight) => weight !== 1),
    new Float32Array([2]),
  );
  const short = encode({ prompt: "a", negativePrompt: "a BREAK a" }).native;
  t.strictSame(short.promptIds.subarray(positions), empty);
});

test("errors name the prompt that is wrong", async (t) => {
  const invalid = { code: "ERR_INVALID_OPTION" };
  t.throws(() => encode({ prompt: "(a:1000)" }), {
    ...invalid,
    message: /^prompt: the emphasis on "a" is 1\.00e\+3; /,
  });
  t.throws(() => encode({ negativePrompt: "the ".repeat(2500) }), {
    ...invalid,
    message: /^negativePrompt: it has 34 chunks of 75 tokens; at most 32 are allowed/,
  });
});

test("without emphasis, brackets and BREAK are text", async (t) => {
  const text = "(a:1.5) BREAK [the]";
  const { native } = encode({ prompt: text, emphasis: "none" });
  t.strictSame(native.promptIds, tokenizer.encode(text, positions).ids);
  t.equal(native.promptWeights, undefined);
});

test("prompts over time are one after another, as long as the longest", async (t) => {
  const { native } = encode({
    prompt: { 0: "a", 5: "the ".repeat(100), 9: "a (cat:1.5)" },
    negativePrompt: "",
  });
  t.strictSame(Array.from(native.promptFrames ?? []), [0, 5, 9]);
  t.equal(native.promptIds.length, 3 * 2 * positions);
  t.equal(native.negativeIds.length, 2 * positions);
  const ids = (i: number) => native.promptIds.subarray(2 * i * positions, (2 * i + 2) * positions);
  t.strictSame(ids(0).subarray(0, positions), tokenizer.encode("a", positions).ids);
  t.strictSame(ids(0).subarray(positions), tokenizer.encode("", positions).ids);
  t.strictSame(
    ids(1),
    tokenizer.encode("the ".repeat(100), positions, { emphasis: "a1111", longPrompt: "chunks" }).ids,
  );
  t.equal(native.promptWeights?.length, native.promptIds.length);
  const heavy = native.promptWeights?.findIndex((weight) => weight !== 1) ?? -1;
  t.ok(heavy >= 4 * positions && heavy < 5 * positions, "the weight is the third one's");
  const { warnings } = encode({ prompt: { 0: "a", 5: "the ".repeat(100) }, longPrompt: "cut" });
  t.match(warnings, [/^the prompt at frame 5 was cut/]);
});
