import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "tap";
import { readTokenizerFiles } from "#ts/tokens/files.js";

const vocab = { a: 0, "a</w>": 1, "aa</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4 };
const merges = "#version: 0.2\na a</w>\n";

test("reads vocab.json and merges.txt", async (t) => {
  const folder = t.testdir({ "vocab.json": JSON.stringify(vocab), "merges.txt": merges });
  const files = await readTokenizerFiles(folder);
  t.strictSame(files.vocab, vocab);
  t.strictSame(files.merges, [["a", "a</w>"]]);
  t.equal(files.start, "<|startoftext|>");
  t.equal(files.padding, "<|endoftext|>");
});

test("takes merges as tokenizer.json has them, pairs or text", async (t) => {
  for (const pairs of [[["a", "a</w>"]], ["a a</w>"]]) {
    const folder = t.testdir({ "tokenizer.json": JSON.stringify({ model: { vocab, merges: pairs } }) });
    t.strictSame((await readTokenizerFiles(folder)).merges, [["a", "a</w>"]]);
  }
});

test("says what is wrong with a folder that is no tokenizer", async (t) => {
  const files = { "vocab.json": JSON.stringify(vocab), "merges.txt": merges };
  const broken: [Record<string, string>, RegExp][] = [
    [{}, /holds neither vocab\.json with merges\.txt nor tokenizer\.json/],
    [{ "vocab.json": files["vocab.json"] }, /holds neither/],
    [{ ...files, "vocab.json": "{" }, /vocab\.json .* not JSON/],
    [{ ...files, "vocab.json": "[]" }, /vocab\.json .* not a JSON object/],
    [{ ...files, "vocab.json": '{"a":-1}' }, /vocab\.json .* the id of "a" is not a whole number/],
    [{ ...files, "vocab.json": '{"a":0.5}' }, /the id of "a"/],
    [{ ...files, "vocab.json": '{"a":"0"}' }, /the id of "a"/],
    [{ ...files, "vocab.json": '{"a":4294967296}' }, /the id of "a"/],
    [{ ...files, "vocab.json": '{"a":0}' }, /lacks the special token <\|startoftext\|>/],
    [{ ...files, "merges.txt": "a b c\n" }, /merges\.txt .* \["a","b","c"\] is not a merge/],
    [{ ...files, "merges.txt": "ab\n" }, /is not a merge/],
    [{ ...files, "tokenizer_config.json": "no" }, /tokenizer_config\.json .* not JSON/],
    [{ ...files, "tokenizer_config.json": '{"pad_token":"[PAD]"}' }, /lacks the special token \[PAD\]/],
    [{ "tokenizer.json": "{}" }, /tokenizer\.json .* no model with merges/],
    [{ "tokenizer.json": '{"model":{"merges":[]}}' }, /its vocabulary is not an object/],
    [{ "tokenizer.json": '{"model":{"vocab":{},"merges":[1]}}' }, /1 is not a merge/],
  ];
  for (const [content, message] of broken) {
    const folder = t.testdir(content);
    await t.rejects(readTokenizerFiles(folder), { code: "ERR_WEIGHTS_FORMAT", message }, String(message));
  }
});

test("a name that objects inherit is no token", async (t) => {
  const folder = t.testdir({
    "vocab.json": JSON.stringify(vocab),
    "merges.txt": merges,
    "tokenizer_config.json": '{"pad_token":"constructor"}',
  });
  await t.rejects(readTokenizerFiles(folder), { message: /lacks the special token constructor/ });
});

test("a pipe in a tokenizer's folder is refused at once", {
  skip: process.platform === "win32",
}, async (t) => {
  const folder = t.testdir({ "merges.txt": merges });
  execFileSync("mkfifo", [join(folder, "vocab.json")]);
  const message = /vocab.json is not a CLIP tokenizer: it is a pipe or a device, not a regular file$/;
  await t.rejects(readTokenizerFiles(folder), { code: "ERR_WEIGHTS_FORMAT", message });
});
