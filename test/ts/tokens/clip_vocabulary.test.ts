import { join } from "node:path";
import t from "tap";
import { tokenizerFiles, writeClipTokenizer } from "#ts/tokens/clip_vocabulary.js";
import { ClipTokenizer } from "#ts/tokens/tokenizer.js";

t.test("CLIP's own vocabulary has the ids that the world knows", async (t) => {
  const { vocab, merges } = await tokenizerFiles(null);
  t.equal(Object.keys(vocab).length, 49408);
  t.equal(merges.length, 48894);
  t.match(vocab, { "!": 0, "a</w>": 320, "photo</w>": 1125, "cat</w>": 2368, "<|endoftext|>": 49407 });
  const { ids } = (await ClipTokenizer.load(null)).encode("A photo of a cat, naïve 한국", 77);
  const said = [49406, 320, 1125, 539, 320, 2368, 267, 1097, 35689, 563, 15197, 250, 31871, 511, 49407];
  t.same([...ids.slice(0, said.length)], said);
});

t.test("what is written of it is read as the same", async (t) => {
  const folder = join(t.testdir(), "tokenizer");
  await writeClipTokenizer(folder);
  const [written, own] = await Promise.all([tokenizerFiles(folder), tokenizerFiles(null)]);
  t.same(written.merges, own.merges);
  t.same(written.vocab, own.vocab);
  const text = "An old fox, <|endoftext|> running!! 2 times";
  const ids = async (from: string | null) => (await ClipTokenizer.load(from)).encode(text, 77).ids;
  t.same(await ids(folder), await ids(null));
});
