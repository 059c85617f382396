import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { readTokenizerFiles, type TokenizerFiles } from "./files.js";

const merges = new URL("../../weights/clip/merges.txt.br", import.meta.url);

/** What a tokenizer's folder says; null is CLIP's own, for models that come without one. */
export async function tokenizerFiles(folder: string | null): Promise<TokenizerFiles> {
  return folder === null ? await clipVocabulary() : await readTokenizerFiles(folder);
}

/** Writes CLIP's tokenizer as transformers' CLIPTokenizer reads it. Resolves with the files. */
export async function writeClipTokenizer(folder: string): Promise<string[]> {
  const { vocab, merges, start, end, padding, unknown } = await clipVocabulary();
  const names = { bos_token: start, eos_token: end, unk_token: unknown, pad_token: padding };
  const files = {
    "vocab.json": JSON.stringify(vocab),
    "merges.txt": ["#version: 0.2", ...merges.map((pair) => pair.join(" ")), ""].join("\n"),
    "special_tokens_map.json": JSON.stringify(names),
    "tokenizer_config.json": JSON.stringify({
      tokenizer_class: "CLIPTokenizer",
      model_max_length: 77,
      ...names,
    }),
  };
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return Object.keys(files).map((name) => join(folder, name));
}

/**
 * CLIP's vocabulary, by its rule: bytes, bytes that end a word, what each merge makes, the two special tokens. The latter
 * are found as Stable Diffusion 1.5's tokenizer finds them.
 */
async function clipVocabulary(): Promise<TokenizerFiles> {
  const text = brotliDecompressSync(await readFile(merges)).toString("utf8");
  const pairs = text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ") as [string, string]);
  const [start, end] = ["<|startoftext|>", "<|endoftext|>"];
  const bytes = byteLetters();
  const tokens = [
    ...bytes,
    ...bytes.map((letter) => `${letter}</w>`),
    ...pairs.map((pair) => pair.join("")),
    ...[start, end],
  ];
  return {
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges: pairs,
    ...{ start, end, padding: end, unknown: end },
    special: [
      { content: start, normalized: true },
      { content: end, normalized: false },
    ],
  };
}

/** A letter for every byte, in the vocabulary's order: those that can be seen stand for themselves, and come first. */
function byteLetters(): string[] {
  const isSeen = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  const hidden = all.filter((byte) => !isSeen(byte)).map((_, i) => 256 + i);
  return [...all.filter(isSeen), ...hidden].map((code) => String.fromCharCode(code));
}
