import { CameoError } from "../errors.js";
import { AddedTokenFinder } from "./added_tokens.js";
import type { AddedToken } from "./files.js";
import { readT5TokenizerFiles, type T5TokenizerFiles } from "./t5_files.js";
import { Unigram } from "./unigram.js";

export interface T5Tokens {
  /** At most `length - 1` tokens of the text, the end, padding. */
  ids: Int32Array;
  /** 1 for each token of the text and the end, 0 for padding. */
  mask: Uint8Array;
  /** How many tokens of the text are in `ids`, and how many it has. */
  kept: number;
  total: number;
  /** The last words that were kept, where some were not. */
  cutAfter?: string;
}

/** What stands before each word. */
const space = "\u2581";

/** T5's and UMT5's sentencepiece tokenizer: the ids that transformers' T5Tokenizer gives. */
export class T5Tokenizer {
  readonly #files: T5TokenizerFiles;
  readonly #unigram: Unigram;
  readonly #inRaw: AddedTokenFinder;
  readonly #inNormalized: AddedTokenFinder;
  readonly #embeddings: number;

  /** `embeddings`: how many tokens the text encoder has learned. */
  constructor(files: T5TokenizerFiles, embeddings = Number.POSITIVE_INFINITY) {
    this.#files = files;
    this.#unigram = new Unigram(files.pieces, files.unknown);
    this.#inRaw = new AddedTokenFinder(files.special.filter(({ normalized }) => !normalized));
    this.#inNormalized = new AddedTokenFinder(
      files.special
        .filter(({ normalized }) => normalized)
        .map((token) => ({ ...token, content: this.#normalized(token.content) })),
    );
    this.#embeddings = embeddings;
  }

  /** Opens a tokenizer's folder. Rejects with ERR_WEIGHTS_FORMAT where it is none that is known. */
  static async load(folder: string, embeddings?: number): Promise<T5Tokenizer> {
    return new T5Tokenizer(await readT5TokenizerFiles(folder), embeddings);
  }

  /** The ids of `text`, so many. Throws ERR_WEIGHTS_MISMATCH for a token that the text encoder has not learned. */
  encode(text: string, length: number): T5Tokens {
    const { end, padding } = this.#files;
    const all = this.#idsOf(text.replace(/\p{Surrogate}/gu, "\uFFFD"));
    const kept = all.slice(0, length - 1);
    const unlearned = [...kept, end, padding].find((id) => id >= this.#embeddings);
    if (unlearned !== undefined) {
      const message = `the tokenizer gives token ${unlearned}, but the text encoder has learned only tokens 0 to ${this.#embeddings - 1}: load the text encoder that was trained with it`;
      throw new CameoError("ERR_WEIGHTS_MISMATCH", message);
    }
    const ids = new Int32Array(length).fill(padding);
    ids.set([...kept, end]);
    const mask = new Uint8Array(length).fill(1, 0, kept.length + 1);
    const tokens = { ids, mask, kept: kept.length, total: all.length };
    return kept.length === all.length ? tokens : { ...tokens, cutAfter: this.#lastWords(kept) };
  }

  #idsOf(text: string): number[] {
    return this.#inRaw
      .split(text)
      .flatMap((part): (AddedToken | string)[] =>
        typeof part === "string" ? this.#inNormalized.split(this.#normalized(part)) : [part],
      )
      .flatMap((part) => (typeof part === "string" ? this.#idsOfWords(part) : [part.id as number]));
  }

  #idsOfWords(text: string): number[] {
    return text
      .split(/\p{White_Space}+/u)
      .filter((word) => word !== "")
      .map((word) => (word.startsWith(space) ? word : space + word))
      .flatMap((word) => word.split(/(?=\u2581)/))
      .flatMap((word) => this.#unigram.encode(word));
  }

  #lastWords(ids: readonly number[]): string {
    const text = ids
      .slice(-32)
      .map((id) => (id === this.#files.unknown ? "" : (this.#files.pieces[id]?.[0] ?? "")))
      .join("")
      .replaceAll(space, " ");
    return text.trim().split(/\s+/).slice(-3).join(" ");
  }

  #normalized(text: string): string {
    return this.#files.charsmap?.normalize(text) ?? text;
  }
}
