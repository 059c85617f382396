import { join } from "node:path";
import { CameoError } from "../errors.js";
import { danglingLink, fileReason, readRegularFile } from "../media/files.js";
import { parsePythonJson } from "../python_json.js";

/** A token that is found in the text as it stands, before anything is split: a special one, or one added by learning. */
export interface AddedToken {
  content: string;
  /** Found in the normalised text, not in the raw one. */
  normalized: boolean;
  /** Where it isn't the vocabulary's. */
  id?: number;
  /** Not found within a word. */
  singleWord?: true;
  /** Of textual inversion: the text encoder has been given its vector. */
  isLearned?: true;
  /** How many ids it stands for, from its own on. Default: 1. */
  vectors?: number;
}

/** What a tokenizer folder says. */
export interface TokenizerFiles {
  vocab: Record<string, number>;
  merges: [string, string][];
  start: string;
  end: string;
  padding: string;
  unknown: string;
  special: AddedToken[];
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
  const special = new Map<string, AddedToken>();
  for (const token of namedTokens(names)) special.set(token.content, token);
  // Saved by newer releases, the tokens with their properties say for certain what the names above only hint at.
  const described = [
    ...describedTokens(whole?.added_tokens),
    ...describedTokens(config?.added_tokens_decoder),
  ];
  for (const token of [...(await readLearnedTokens(folder, special)), ...described]) {
    special.set(token.content, withOwnId(token, vocab));
  }
  const name = (key: string) => addedToken(names[key])?.content ?? defaultNames[key] ?? "";
  const files = {
    vocab,
    merges,
    start: name("bos_token"),
    end: name("eos_token"),
    padding: name("pad_token"),
    unknown: name("unk_token"),
    special: [...special.values()].filter((token) => idOf(token, vocab) !== undefined),
  };
  const known = new Set(files.special.map(({ content }) => content));
  const missing = [files.start, files.end, files.padding, files.unknown].find((token) => !known.has(token));
  if (missing !== undefined) throw formatError(folder, `its vocabulary lacks the special token ${missing}`);
  return files;
}

/** A token's id; undefined where neither it nor the vocabulary has one. */
export function idOf({ content, id }: AddedToken, vocab: Record<string, number>): number | undefined {
  return id ?? (Object.hasOwn(vocab, content) ? vocab[content] : undefined);
}

function withOwnId({ id, ...token }: AddedToken, vocab: Record<string, number>): AddedToken {
  return id === undefined || idOf(token, vocab) === id ? token : { ...token, id };
}

/** added_tokens.json: ids by tokens, of which those that have a name are special. */
async function readLearnedTokens(folder: string, named: Map<string, AddedToken>): Promise<AddedToken[]> {
  const path = join(folder, "added_tokens.json");
  const ids = Object.entries(checkedVocab((await readJson(path)) ?? {}, path));
  return ids.map(([content, id]) => ({ content, normalized: !named.has(content), id }));
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
    if (!isId(id)) {
      throw formatError(path, `the id of ${JSON.stringify(token)} is not a whole number from 0`);
    }
  }
  return vocab as Record<string, number>;
}

function isId(id: unknown): id is number {
  return Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31;
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

function namedTokens(names: Json): AddedToken[] {
  const additional = names.additional_special_tokens;
  // Later ones win: a padding token given as a plain string is looked for in the raw text.
  const values = [
    ...Object.entries(defaultNames).map(([key, fallback]) => names[key] ?? fallback),
    ...(Array.isArray(additional) ? additional : []),
  ];
  return values.flatMap((value) => addedToken(value) ?? []);
}

/** tokenizer.json's list, whose tokens have their ids, or added_tokens_decoder, in which they are found by them. */
function describedTokens(tokens: unknown): AddedToken[] {
  if (typeof tokens !== "object" || tokens === null) return [];
  return Object.entries(tokens).flatMap(([key, value]) => {
    const token = addedToken(value);
    const id = Number(Array.isArray(tokens) ? value?.id : key);
    return token === undefined ? [] : [isId(id) ? { ...token, id } : token];
  });
}

/** A name, or an object with properties; undefined for all else. White space around it (lstrip, rstrip) makes no token. */
function addedToken(value: unknown): AddedToken | undefined {
  if (typeof value === "string") return value === "" ? undefined : { content: value, normalized: false };
  if (!isObject(value) || typeof value.content !== "string" || value.content === "") return undefined;
  const token = { content: value.content, normalized: value.normalized !== false };
  return value.single_word === true ? { ...token, singleWord: true } : token;
}

async function readJson(path: string): Promise<Json | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = parsePythonJson(text);
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
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      const link = danglingLink(path);
      if (link === undefined) return undefined;
      throw formatError(path, `it ${link}`);
    }
    throw formatError(path, fileReason(error));
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function formatError(path: string, reason: string): CameoError {
  return new CameoError("ERR_WEIGHTS_FORMAT", `${path} is not a CLIP tokenizer: ${reason}`);
}
