import { join } from "node:path";
import { CameoError } from "../errors.js";
import { fileReason, readRegularFile } from "../media/files.js";

/** A token that is found in the text as it stands, before anything is split. */
export interface SpecialToken {
  content: string;
  /** Found in the normalised text, not in the raw one. */
  normalized: boolean;
}

/** What a tokenizer folder says. */
export interface TokenizerFiles {
  vocab: Record<string, number>;
  merges: [string, string][];
  start: string;
  end: string;
  padding: string;
  unknown: string;
  special: SpecialToken[];
}

type Json = Record<string, unknown>;

const defaultNames: Record<string, string> = {
  bos_token: "<|startoftext|>",
  eos_token: "<|endoftext|>",
  unk_token: "<|endoftext|>",
  pad_token: "<|endoftext|>",
};

/** Reads tokenizer.json, or else vocab.json and merges.txt, and what the folder says of special tokens. */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const whole = await readJson(join(folder, "tokenizer.json"));
  const { vocab, merges } = whole ? modelOf(whole, folder) : await readVocabAndMerges(folder);
  const config = await readJson(join(folder, "tokenizer_config.json"));
  const names = await readNames(folder, config);
  const special = new Map<string, boolean>();
  for (const token of namedTokens(names)) special.set(token.content, token.normalized);
  // Saved by newer releases, these say for certain what the names above only hint at.
  const added = config?.added_tokens_decoder ?? whole?.added_tokens ?? {};
  for (const token of addedTokens(added)) special.set(token.content, token.normalized);
  const name = (key: string) => specialToken(names[key])?.content ?? defaultNames[key] ?? "";
  const files = {
    vocab,
    merges,
    start: name("bos_token"),
    end: name("eos_token"),
    padding: name("pad_token"),
    unknown: name("unk_token"),
    special: Array.from(special, ([content, normalized]) => ({ content, normalized })),
  };
  const missing = [files.start, files.end, files.padding, files.unknown].find(
    (token) => !Object.hasOwn(vocab, token),
  );
  if (missing !== undefined) throw formatError(folder, `its vocabulary lacks the special token ${missing}`);
  files.special = files.special.filter(({ content }) => Object.hasOwn(vocab, content));
  return files;
}

type Model = Pick<TokenizerFiles, "vocab" | "merges">;

async function readVocabAndMerges(folder: string): Promise<Model> {
  const vocabPath = join(folder, "vocab.json");
  const mergesPath = join(folder, "merges.txt");
  const vocab = await readJson(vocabPath);
  const merges = await readText(mergesPath);
  if (!vocab || merges === undefined) {
    throw formatError(folder, "it holds neither vocab.json with merges.txt nor tokenizer.json");
  }
  const lines = merges.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#version"));
  return {
    vocab: checkedVocab(vocab, vocabPath),
    merges: lines.map((line) => mergeOf(line.split(" "), mergesPath)),
  };
}

function modelOf({ model }: Json, folder: string): Model {
  const path = join(folder, "tokenizer.json");
  if (!isObject(model) || !Array.isArray(model.merges))
    throw formatError(path, "it has no model with merges");
  const pairs = model.merges.map((merge) => (typeof merge === "string" ? merge.split(" ") : merge));
  return { vocab: checkedVocab(model.vocab, path), merges: pairs.map((pair) => mergeOf(pair, path)) };
}

function checkedVocab(vocab: unknown, path: string): Record<string, number> {
  if (!isObject(vocab)) throw formatError(path, "its vocabulary is not an object of ids");
  for (const [token, id] of Object.entries(vocab)) {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= 2 ** 31) {
      throw formatError(path, `the id of ${JSON.stringify(token)} is not a whole number from 0`);
    }
  }
  return vocab as Record<string, number>;
}

function mergeOf(parts: unknown, path: string): [string, string] {
  const pair = Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === "string");
  if (!pair) throw formatError(path, `${JSON.stringify(parts)} is not a merge of two tokens`);
  return parts as [string, string];
}

/** bos_token, eos_token ...: a newer config speaks for itself, an older one yields to special_tokens_map. */
async function readNames(folder: string, config: Json | undefined): Promise<Json> {
  if (isObject(config?.added_tokens_decoder)) return config;
  return { ...config, ...(await readJson(join(folder, "special_tokens_map.json"))) };
}

function namedTokens(names: Json): SpecialToken[] {
  // Later ones win: a padding token given as a plain string is looked for in the raw text.
  return Object.keys(defaultNames).flatMap((key) => specialToken(names[key] ?? defaultNames[key]) ?? []);
}

function addedTokens(added: unknown): SpecialToken[] {
  const tokens = typeof added === "object" && added !== null ? Object.values(added) : [];
  return tokens.flatMap((token) => specialToken(token) ?? []);
}

function specialToken(value: unknown): SpecialToken | undefined {
  if (typeof value === "string") return { content: value, normalized: false };
  if (!isObject(value) || typeof value.content !== "string") return undefined;
  return { content: value.content, normalized: value.normalized !== false };
}

async function readJson(path: string): Promise<Json | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // It quotes the file, line ends and all.
    const reason = (error as Error).message.replace(/\s+/g, " ");
    throw formatError(path, `it is not JSON (${reason})`);
  }
  if (!isObject(value)) throw formatError(path, "it is not a JSON object");
  return value;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(path)).toString("utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw formatError(path, fileReason(error));
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function formatError(path: string, reason: string): CameoError {
  return new CameoError("ERR_WEIGHTS_FORMAT", `${path} is not a CLIP tokenizer: ${reason}`);
}
