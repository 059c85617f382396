import { join } from "node:path";
import { CameoError } from "../errors.js";
import { fileReason, readRegularFile } from "../media/files.js";
import { parsePythonJson } from "../python_json.js";
import { Charsmap } from "./charsmap.js";
import type { AddedToken } from "./files.js";
import { parseSentencepieceModel } from "./sentencepiece_model.js";
import type { Piece } from "./unigram.js";

/** What the folder of a T5 tokenizer says. */
export interface T5TokenizerFiles {
  pieces: Piece[];
  unknown: number;
  charsmap?: Charsmap;
  /** With their ids. */
  special: (AddedToken & { id: number })[];
  end: number;
  padding: number;
}

type Json = Record<string, unknown>;
type Model = Pick<T5TokenizerFiles, "pieces" | "unknown" | "charsmap"> & {
  special: [id: number, content: unknown][];
};

/** Beyond what any tokenizer has. */
const mostExtraIds = 1000;

/** Reads tokenizer.json, or else spiece.model, and what the folder says of special tokens. Rejects with ERR_WEIGHTS_FORMAT. */
export async function readT5TokenizerFiles(folder: string): Promise<T5TokenizerFiles> {
  const config = (await readJson(join(folder, "tokenizer_config.json"))) ?? {};
  const names = { ...(await readJson(join(folder, "special_tokens_map.json"))), ...config };
  const model = (await readTokenizerJson(folder)) ?? (await readSentencepiece(folder, config));
  const ids = new Map(model.pieces.map(([text], id) => [text, id]));
  const special = new Map<string, AddedToken & { id: number }>();
  const add = (content: unknown, id: unknown, normalized = false) => {
    if (typeof content !== "string" || content === "") return;
    const known =
      typeof id === "number" && Number.isInteger(id) && id >= 0 && id < 2 ** 31 ? id : ids.get(content);
    if (known !== undefined) special.set(content, { content, normalized, id: known });
  };
  const nameOf = (key: string, usual: string) => contentOf(names[key]) ?? usual;
  const [end, padding] = [nameOf("eos_token", "</s>"), nameOf("pad_token", "<pad>")];
  for (const token of [end, padding, nameOf("unk_token", "<unk>")]) add(token, undefined);
  for (const [id, value] of model.special)
    add(contentOf(value), id, isObject(value) && value.normalized === true);
  for (const [content, id] of Object.entries((await readJson(join(folder, "added_tokens.json"))) ?? {}))
    add(content, id);
  for (const [id, value] of Object.entries(
    isObject(config.added_tokens_decoder) ? config.added_tokens_decoder : {},
  )) {
    add(contentOf(value), Number(id), isObject(value) && value.normalized === true);
  }
  const idOf = (content: string): number => {
    const id = special.get(content)?.id;
    if (id === undefined) throw formatError(folder, `its vocabulary lacks the special token ${content}`);
    return id;
  };
  return { ...model, special: [...special.values()], end: idOf(end), padding: idOf(padding) };
}

/** As transformers' T5Tokenizer does, behind the model's pieces come those that stand for gaps, the first last. */
async function readSentencepiece(folder: string, config: Json): Promise<Model> {
  const path = join(folder, "spiece.model");
  const bytes = await readBytes(path);
  if (bytes === undefined) throw formatError(folder, "it holds neither spiece.model nor tokenizer.json");
  const { pieces, unknown, special, charsmap } = withPath(path, () => parseSentencepieceModel(bytes));
  const asked = Number.isInteger(config.extra_ids) ? Number(config.extra_ids) : 100;
  const count = Math.max(0, Math.min(asked, mostExtraIds));
  const extra = Array.from({ length: count }, (_, i): Piece => [`<extra_id_${count - 1 - i}>`, 0]);
  const known = new Set(pieces.map(([text]) => text));
  const all = [...pieces, ...extra.filter(([text]) => !known.has(text))];
  const gaps = all.flatMap(([text], id): [number, string][] =>
    /^<extra_id_\d+>$/.test(text) ? [[id, text]] : [],
  );
  return {
    pieces: all,
    unknown,
    special: [...special.map((id): [number, unknown] => [id, all[id]?.[0]]), ...gaps],
    ...withPath(path, () => charsmap && { charsmap: new Charsmap(charsmap) }),
  };
}

async function readTokenizerJson(folder: string): Promise<Model | undefined> {
  const path = join(folder, "tokenizer.json");
  const whole = await readJson(path);
  if (whole === undefined) return undefined;
  const { model } = whole;
  if (!isObject(model) || !Array.isArray(model.vocab)) throw formatError(path, "it has no unigram model");
  if (model.byte_fallback === true) throw formatError(path, "it takes unknown characters apart into bytes");
  const isPiece = (piece: unknown) =>
    Array.isArray(piece) && piece.length === 2 && typeof piece[0] === "string" && Number.isFinite(piece[1]);
  if (!model.vocab.every(isPiece))
    throw formatError(path, "its vocabulary is no list of tokens with their scores");
  const unknown = model.unk_id;
  if (typeof unknown !== "number" || !(unknown in model.vocab))
    throw formatError(path, "it has no unknown token");
  for (const { type } of steps(whole.pre_tokenizer, "pretokenizers")) {
    if (type !== "WhitespaceSplit" && type !== "Metaspace")
      throw formatError(path, `its pre-tokenizer ${type} is unknown`);
  }
  const added = Array.isArray(whole.added_tokens) ? whole.added_tokens.filter(isObject) : [];
  return {
    pieces: model.vocab as Piece[],
    unknown,
    special: added.map((token): [number, unknown] => [Number(token.id), token]),
    ...charsmapOf(whole.normalizer, path),
  };
}

/** Steps that touch white space alone change nothing: words are split there. */
function charsmapOf(normalizer: unknown, path: string): { charsmap?: Charsmap } {
  let charsmap: Charsmap | undefined;
  for (const step of steps(normalizer, "normalizers")) {
    const isOfSpaces =
      step.type === "Strip" ||
      (step.type === "Replace" && isObject(step.pattern) && step.pattern.Regex === " {2,}");
    if (step.type === "Precompiled" && charsmap === undefined) {
      const bytes = Buffer.from(String(step.precompiled_charsmap ?? ""), "base64");
      if (bytes.length > 0) charsmap = withPath(path, () => new Charsmap(bytes));
    } else if (!isOfSpaces) throw formatError(path, `its normalizer ${step.type} is unknown`);
  }
  return charsmap === undefined ? {} : { charsmap };
}

function steps(step: unknown, list: string): Json[] {
  if (!isObject(step)) return [];
  if (step.type !== "Sequence") return [step];
  return Array.isArray(step[list]) ? step[list].filter(isObject) : [];
}

function contentOf(value: unknown): string | undefined {
  const content = isObject(value) ? value.content : value;
  return typeof content === "string" && content !== "" ? content : undefined;
}

async function readJson(path: string): Promise<Json | undefined> {
  const bytes = await readBytes(path);
  if (bytes === undefined) return undefined;
  const value = withPath(path, () => parsePythonJson(bytes.toString("utf8")));
  if (!isObject(value)) throw formatError(path, "it is not a JSON object");
  return value;
}

/** undefined where there is no such file. */
async function readBytes(path: string): Promise<Buffer | undefined> {
  try {
    return await readRegularFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw formatError(path, fileReason(error));
  }
}

/** What `parse` throws is said of the file. */
function withPath<Value>(path: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw formatError(path, (error as Error).message.replace(/\s+/g, " "));
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function formatError(path: string, reason: string): CameoError {
  return new CameoError("ERR_WEIGHTS_FORMAT", `${path} is not a T5 tokenizer: ${reason}`);
}
