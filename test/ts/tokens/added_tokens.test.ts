import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import { type Test, test } from "tap";
import { ClipTokenizer } from "#ts/tokens/tokenizer.js";
import { writeSmallModel } from "../../support/small_model.js";

const fixtures = join("test", "fixtures", "tokens");
const vocab: Record<string, number> = JSON.parse(readFileSync(join(fixtures, "vocab.json"), "utf8"));
const size = Object.keys(vocab).length;

async function open(t: Test, files: Record<string, object>): Promise<ClipTokenizer> {
  const folder = t.testdir();
  for (const name of ["vocab.json", "merges.txt"]) cpSync(join(fixtures, name), join(folder, name));
  for (const [name, value] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(value));
  return ClipTokenizer.load(folder);
}

/** The ids of the text's tokens. */
function idsOf(tokenizer: ClipTokenizer, text: string): number[] {
  const { ids, kept } = tokenizer.encode(text, 77);
  return [...ids.subarray(1, 1 + kept)];
}

const critter = "<my-critter>";
const decoder = (token: object) => ({
  added_tokens_decoder: {
    [size]: { content: critter, lstrip: false, rstrip: false, single_word: false, ...token },
  },
});

test("a learned token is one id, wherever its folder says so", async (t) => {
  const ways: Record<string, object>[] = [
    { "added_tokens.json": { [critter]: size } },
    { "tokenizer_config.json": decoder({ normalized: true, special: false }) },
    { "tokenizer_config.json": decoder({ normalized: false, special: true }) },
    { "added_tokens.json": { [critter]: size }, "tokenizer_config.json": { added_tokens_decoder: {} } },
    {
      "added_tokens.json": { [critter]: size },
      "special_tokens_map.json": { additional_special_tokens: [critter] },
    },
  ];
  for (const files of ways) {
    const tokenizer = await open(t, files);
    const [a] = idsOf(tokenizer, "a");
    for (const text of [`a ${critter} a`, `a${critter}a`, `a  ${critter}\ta`]) {
      t.strictSame(idsOf(tokenizer, text), [a, size, a], JSON.stringify(files));
    }
    t.strictSame(idsOf(tokenizer, critter), [size]);
  }
});

test("a learned token is found in what the text is normalised to, or as it stands", async (t) => {
  const upper = critter.toUpperCase();
  const normalized = await open(t, { "added_tokens.json": { [upper]: size } });
  t.strictSame(idsOf(normalized, `${upper}${critter}`), [size, size]);
  const raw = await open(t, {
    "tokenizer_config.json": decoder({ content: upper, normalized: false }),
  });
  t.strictSame(idsOf(raw, upper), [size]);
  t.notOk(idsOf(raw, critter).includes(size));
});

test("a token for whole words is not found within one", async (t) => {
  const tokenizer = await open(t, {
    "tokenizer_config.json": decoder({ content: "zorg", single_word: true }),
  });
  for (const text of ["zorg", "ZORG", "a zorg!", "'zorg'", "zorg-like"])
    t.ok(idsOf(tokenizer, text).includes(size), text);
  for (const text of ["zorgs", "azorg", "zorg_", "zorg1", "zorg\u0301"])
    t.notOk(idsOf(tokenizer, text).includes(size), text);
});

test("of tokens that start at one place the longest is taken", async (t) => {
  const tokenizer = await open(t, {
    "added_tokens.json": { "<a>": size, "<a>_1": size + 1, "<a>_10": size + 2 },
  });
  t.strictSame(idsOf(tokenizer, "<a> <a>_1<a>_10 <a>_2").slice(0, 4), [size, size + 1, size + 2, size]);
});

test("special tokens that only added_tokens.json has", async (t) => {
  const tokenizer = await open(t, {
    "added_tokens.json": { "<pad>": size },
    "special_tokens_map.json": { pad_token: "<pad>" },
  });
  const { ids } = tokenizer.encode("a", 8);
  t.strictSame([...ids.subarray(3)], [size, size, size, size, size]);
});

test("ids that are none are refused", async (t) => {
  await t.rejects(open(t, { "added_tokens.json": { [critter]: -1 } }), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /added_tokens\.json .*the id of "<my-critter>" is not a whole number/,
  });
});

test("the place of a cut may be a learned token", async (t) => {
  const tokenizer = await open(t, { "added_tokens.json": { [critter]: size } });
  const { cutAfter } = tokenizer.encode(`a ${critter} `.repeat(60), 20);
  t.equal(cutAfter, `${critter} a ${critter}`);
});

test("a token that the text encoder has not learned is named when it is used", async (t) => {
  const paths = writeSmallModel("unlearned");
  const folder = join(paths.base, "tokenizer");
  const { vocab_size } = JSON.parse(readFileSync(join(paths.base, "text_encoder", "config.json"), "utf8"));
  writeFileSync(join(folder, "added_tokens.json"), JSON.stringify({ [critter]: vocab_size }));
  await using pipe = await Pipeline.load({ base: paths.base, device: "cpu" });
  const request = { steps: 1, width: 32, height: 32 };
  await t.rejects(pipe.sample({ ...request, prompt: `A ${critter} runs` }), {
    code: "ERR_WEIGHTS_MISMATCH",
    message: new RegExp(
      `knows "${critter}" as token ${vocab_size}, but .* only tokens 0 to ${vocab_size - 1}: load`,
    ),
  });
  await pipe.sample({ ...request, prompt: "A critter runs" });
});

const released = "../shared/cases/tokenizer";

test("the public case", { skip: existsSync(released) ? false : `${released} is not there` }, async (t) => {
  t.strictSame(idsOf(await ClipTokenizer.load(released), "A <my-critter> runs"), [320, 542, 529, 338]);
});
