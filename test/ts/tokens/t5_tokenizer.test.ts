import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Test, test } from "tap";
import { T5Tokenizer } from "#ts/tokens/t5_tokenizer.js";
import { parityFolder, readCase, skipWithout } from "../../support/parity.js";
import { readSafetensors } from "../../support/safetensors.js";

interface Cases {
  strings: string[];
  ids: number[][];
  cut: number[][];
  mask: number[][];
}

const unpacked = (name: string) =>
  gunzipSync(readFileSync(join("test", "fixtures", "tokens-t5", `${name}.gz`)));
const cases: Cases = JSON.parse(unpacked("cases.json").toString());
const model = unpacked("spiece.model");
const whole = JSON.parse(unpacked("tokenizer.json").toString());

function folderOf(t: Test, files: Record<string, Buffer | object>): string {
  const folder = t.testdir();
  for (const [name, file] of Object.entries(files))
    writeFileSync(join(folder, name), Buffer.isBuffer(file) ? file : JSON.stringify(file));
  return folder;
}

const older = {
  ...whole,
  normalizer: {
    type: "Sequence",
    normalizers: [
      whole.normalizer,
      { type: "Strip", strip_left: false, strip_right: true },
      { type: "Replace", pattern: { Regex: " {2,}" }, content: "▁" },
    ],
  },
  pre_tokenizer: { type: "Metaspace", replacement: "▁", add_prefix_space: true },
};
const flavours = {
  "spiece.model alone": { "spiece.model": model },
  "tokenizer.json": { "tokenizer.json": whole },
  "tokenizer.json of older releases": { "tokenizer.json": older },
};

for (const [flavour, files] of Object.entries(flavours)) {
  test(`gives the ids of transformers' T5Tokenizer: ${flavour}`, async (t) => {
    const tokenizer = await T5Tokenizer.load(folderOf(t, files));
    const wrong = cases.strings.flatMap((text, i) => {
      const expected = cases.ids[i] ?? [];
      const got = tokenizer.encode(text, expected.length);
      return String(got.ids) === String(expected) && got.total === got.kept ? [] : [{ text, expected, got }];
    });
    t.strictSame(wrong, []);
    const cut = cases.strings.map((text) => tokenizer.encode(text, 24));
    t.strictSame(
      cut.map(({ ids }) => [...ids]),
      cases.cut,
    );
    t.strictSame(
      cut.map(({ mask }) => [...mask]),
      cases.mask,
    );
  });
}

test("half of a surrogate pair is a character that is not known", async (t) => {
  const tokenizer = await T5Tokenizer.load(folderOf(t, { "spiece.model": model }));
  t.strictSame(tokenizer.encode("a \ud83d b", 12), tokenizer.encode("a \ufffd b", 12));
});

test("a token that the text encoder has not learned is refused", async (t) => {
  const tokenizer = await T5Tokenizer.load(folderOf(t, { "spiece.model": model }), 320);
  t.equal(tokenizer.encode("the sea", 12).ids.length, 12);
  const message = /token 419, but the text encoder has learned only tokens 0 to 319/;
  t.throws(() => tokenizer.encode("a <extra_id_0>", 12), { code: "ERR_WEIGHTS_MISMATCH", message });
});

/** A field of protocol buffers whose value is a small number. */
const trainer = (field: number[]) => Buffer.concat([model, Buffer.from([0x12, field.length, ...field])]);
const precompiled = (map: string) => ({ type: "Precompiled", precompiled_charsmap: map });
const refused: Record<string, [Record<string, Buffer | object>, RegExp]> = {
  "an empty folder": [{}, /neither spiece.model nor tokenizer.json/],
  "a model of byte pairs": [{ "spiece.model": trainer([0x18, 2]) }, /spiece.model .* the type BPE; unigram/],
  "bytes for unknown characters": [{ "spiece.model": trainer([0x98, 2, 1]) }, /spiece.model .* into bytes/],
  "a model that is cut off": [{ "spiece.model": model.subarray(0, 1000) }, /spiece.model .* cut off/],
  "an empty model": [{ "spiece.model": Buffer.alloc(0) }, /spiece.model .* no pieces/],
  "no model at all": [{ "spiece.model": Buffer.from("version https://example.org") }, /spiece.model/],
  "another normalizer": [
    { "tokenizer.json": { ...whole, normalizer: { type: "Lowercase" } } },
    /tokenizer.json .* normalizer Lowercase/,
  ],
  "another pre-tokenizer": [
    { "tokenizer.json": { ...whole, pre_tokenizer: { type: "ByteLevel" } } },
    /tokenizer.json .* pre-tokenizer ByteLevel/,
  ],
  "a broken table": [
    { "tokenizer.json": { ...whole, normalizer: precompiled("AAEAAAAA") } },
    /tokenizer.json .* table is cut off/,
  ],
  "merges in place of scores": [
    { "tokenizer.json": { ...whole, model: { type: "BPE", vocab: { a: 0 }, merges: [] } } },
    /tokenizer.json .* no unigram model/,
  ],
  "no end": [
    { "tokenizer.json": whole, "tokenizer_config.json": { eos_token: "[END]" } },
    /lacks the special token \[END\]/,
  ],
};

for (const [what, [files, message]] of Object.entries(refused)) {
  test(`refuses ${what}`, async (t) => {
    await t.rejects(T5Tokenizer.load(folderOf(t, files)), { code: "ERR_WEIGHTS_FORMAT", message });
  });
}

for (const [name, folder] of [
  ["latte-a", "latte"],
  ["cogvideox-t2v-a", "cogvideox"],
  ["wan-a", "wan"],
] as const) {
  const root = parityFolder(name);
  test(`gives the ids of the pipeline's tokenizer: ${name}`, skipWithout(root), async (t) => {
    const tokenizer = await T5Tokenizer.load(join(root, folder, "tokenizer"));
    const { prompt_ids } = readSafetensors(join(root, "expected.safetensors"));
    const file = readCase(root) as { prompt: string; cleaned_prompt?: string };
    const { ids, kept } = tokenizer.encode(file.cleaned_prompt ?? file.prompt, 226);
    t.strictSame([...ids.subarray(0, kept + 1)], [...(prompt_ids?.data ?? [])].map(Number));
  });
}
