import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Test, test } from "tap";
import { ClipTokenizer } from "#ts/tokens/tokenizer.js";

interface Cases {
  strings: string[];
  flavours: Record<string, { files: Record<string, object>; padding: number; ids: number[][] }>;
}

const fixtures = join("test", "fixtures", "tokens");
const cases: Cases = JSON.parse(gunzipSync(readFileSync(join(fixtures, "cases.json.gz"))).toString());
const vocab: Record<string, number> = JSON.parse(readFileSync(join(fixtures, "vocab.json"), "utf8"));

/** The folder that the reference read the tokenizer from. */
function tokenizerFolder(t: Test, files: Record<string, object>): string {
  const folder = t.testdir();
  const whole = "tokenizer.json" in files;
  for (const [name, value] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(value));
  if (whole) {
    const merges = readFileSync(join(fixtures, "merges.txt"), "utf8").trim().split("\n").slice(1);
    const json = { ...files["tokenizer.json"], model: { type: "BPE", vocab, merges } };
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(json));
  } else {
    for (const name of ["vocab.json", "merges.txt"]) cpSync(join(fixtures, name), join(folder, name));
  }
  return folder;
}

for (const [flavour, { files, padding, ids }] of Object.entries(cases.flavours)) {
  test(`gives the ids of transformers' CLIPTokenizer: ${flavour}`, async (t) => {
    const tokenizer = await ClipTokenizer.load(tokenizerFolder(t, files));
    const got = cases.strings.map((text, i) => tokenizer.encode(text, ids[i]?.length ?? 0));
    const wrong = cases.strings.filter((_, i) => String(got[i]?.ids) !== String(ids[i]));
    t.strictSame(wrong, []);
    t.ok(got.every(({ cutAfter }) => cutAfter === undefined));
    const padded = tokenizer.encode("a man", 77);
    t.equal(padded.ids.length, 77);
    t.ok(padded.ids.subarray(padded.kept + 2).every((id) => id === padding));
  });
}

test("a long prompt is cut, and the end stays the end", async (t) => {
  const tokenizer = await ClipTokenizer.load(tokenizerFolder(t, {}));
  const words = Array.from({ length: 93 }, () => "the").join(" ");
  const cut = tokenizer.encode(`${words} end`, 77);
  t.equal(cut.kept, 75);
  t.equal(cut.total, 94);
  t.equal(cut.ids.length, 77);
  t.equal(cut.ids[76], vocab["<|endoftext|>"]);
  t.equal(cut.cutAfter, "the the the");
  const whole = tokenizer.encode(Array.from({ length: 75 }, () => "the").join(" "), 77);
  t.equal(whole.kept, 75);
  t.equal(whole.cutAfter, undefined);
});

test("the place of the cut is given in whole characters", async (t) => {
  const tokenizer = await ClipTokenizer.load(tokenizerFolder(t, {}));
  const { cutAfter } = tokenizer.encode("\u{10FFFF}".repeat(40), 77);
  t.match(cutAfter, /^\u{10FFFF}+$/u);
});

test("half a surrogate pair is a replacement character", async (t) => {
  const tokenizer = await ClipTokenizer.load(tokenizerFolder(t, {}));
  t.strictSame(tokenizer.encode("a \uD83D b", 16).ids, tokenizer.encode("a \uFFFD b", 16).ids);
});
