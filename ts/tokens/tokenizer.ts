import { Tokenizer } from "@huggingface/tokenizers";
import { CameoError } from "../errors.js";
import { AddedTokenFinder } from "./added_tokens.js";
import { chunkEnd, chunksOf, type TokenGroup } from "./chunks.js";
import { tokenizerFiles } from "./clip_vocabulary.js";
import { parseEmphasis } from "./emphasis.js";
import { type AddedToken, idOf, type TokenizerFiles } from "./files.js";
import { type LearnedWord, learnedTokens } from "./learned_words.js";
import { letter, normalizePrompt, number, symbol } from "./unicode.js";

export interface PromptTokens {
  /** Chunk after chunk: start, at most `positions - 2` tokens of the text, end, padding. */
  ids: Int32Array;
  /** What each token's states are multiplied by; absent where that is 1 throughout. */
  weights?: Float32Array;
  /** How many tokens of the text are in `ids`, and how many it has. */
  kept: number;
  total: number;
  /** The last words that were kept, where some were not. */
  cutAfter?: string;
}

/** How a text is read: as a request's options of these names say. */
export interface Reading {
  emphasis: "a1111" | "none";
  longPrompt: "chunks" | "cut";
}

/** As captions are read in training, and prompts by programs without emphasis. */
const plainly: Reading = { emphasis: "none", longPrompt: "cut" };

/** Above what a prompt of the longest text has, as a rule. */
const mostChunks = 32;

/** Tokens of a prompt, and whether they are of textual inversion. */
type Group = TokenGroup & { isLearned: boolean };

const contractions = "'s|'t|'re|'ve|'m|'ll|'d";
const clipPieces = `<\\|startoftext\\|>|<\\|endoftext\\|>|${contractions}|${letter}+|${number}|${symbol}+`;
/** Byte-level BPE's own split, which comes after CLIP's; it takes spelled-out special tokens apart. */
const byteLevelPieces = `${contractions}|${letter}+|${number}+|${symbol}+`;

/** What is used of the library, whose own declarations do not resolve as an ES module's. */
interface BytePairEncoding {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
}

/** CLIP's byte-pair encoding: the ids that transformers' CLIPTokenizer gives. */
export class ClipTokenizer {
  readonly #words: BytePairEncoding;
  readonly #files: TokenizerFiles;
  readonly #inRaw: AddedTokenFinder;
  readonly #inNormalized: AddedTokenFinder;
  readonly #added: Map<number, AddedToken>;
  readonly #embeddings: number;

  /** `embeddings`: how many tokens the text encoder has learned, beside the vectors of `words`. */
  constructor(
    files: TokenizerFiles,
    embeddings = Number.POSITIVE_INFINITY,
    words: readonly LearnedWord[] = [],
  ) {
    const special = [...files.special, ...learnedTokens(words, files, embeddings)];
    this.#files = { ...files, special };
    this.#words = buildTokenizer(files);
    this.#inRaw = new AddedTokenFinder(special.filter(({ normalized }) => !normalized));
    this.#inNormalized = new AddedTokenFinder(
      special
        .filter(({ normalized }) => normalized)
        .map((token) => ({ ...token, id: this.#idOf(token), content: normalizePrompt(token.content) })),
    );
    this.#added = new Map(special.map((token) => [this.#idOf(token), token]));
    this.#embeddings = embeddings;
  }

  /**
   * Opens a tokenizer's folder; null is CLIP's own. Rejects with ERR_WEIGHTS_FORMAT where it is none, and as
   * `learnedTokens` throws.
   */
  static async load(
    folder: string | null,
    embeddings?: number,
    words?: readonly LearnedWord[],
  ): Promise<ClipTokenizer> {
    const files = await tokenizerFiles(folder);
    const tokens = Object.keys(files.vocab).length;
    if (folder === null && embeddings !== undefined && embeddings < tokens) {
      throw new CameoError(
        "ERR_WEIGHTS_MISMATCH",
        `the model comes without a tokenizer, and its text encoder knows ${embeddings} tokens where CLIP's knows ${tokens}: ` +
          "name the folder of its own tokenizer with `tokenizer`",
      );
    }
    return new ClipTokenizer(files, embeddings, words);
  }

  /**
   * The ids of `text` for a text encoder of so many positions. Throws ERR_WEIGHTS_MISMATCH for a token that the text
   * encoder has not learned, and ERR_INVALID_OPTION for more than 32 chunks and for weights out of bounds.
   */
  encode(text: string, positions: number, { emphasis, longPrompt }: Reading = plainly): PromptTokens {
    const whole = text.replace(/\p{Surrogate}/gu, "\uFFFD");
    const parts = emphasis === "a1111" ? parseEmphasis(whole) : [{ text: whole, weight: 1 }];
    const all = parts.flatMap(({ text, weight }): (Group | typeof chunkEnd)[] =>
      text === undefined ? [chunkEnd] : this.#groups(text, weight),
    );
    if (longPrompt === "chunks") {
      return this.#inChunks(chunksOf(all, positions - 2, this.#files.vocab[",</w>"]), positions);
    }
    const tokens = all.flatMap((group) => (group === chunkEnd ? [] : single(group)));
    const kept = tokens.slice(0, positions - 2);
    const cut = { ...this.#inChunks([kept], positions), total: tokens.length };
    if (kept.length === tokens.length) return cut;
    return { ...cut, cutAfter: this.#lastWords(kept.flatMap(({ ids }) => ids)) };
  }

  #inChunks(chunks: readonly Group[][], positions: number): PromptTokens {
    if (chunks.length > mostChunks) {
      const message = `it has ${chunks.length} chunks of ${positions - 2} tokens; at most ${mostChunks} are allowed: shorten it`;
      throw new CameoError("ERR_INVALID_OPTION", message);
    }
    const { start, end, padding } = this.#files;
    const edge = (token: string): Group => ({ ids: [this.#idOf(token)], weight: 1, isLearned: false });
    const ids = new Int32Array(chunks.length * positions).fill(this.#idOf(padding));
    const weights = new Float32Array(ids.length).fill(1);
    for (const [i, chunk] of chunks.entries()) {
      const groups = [edge(start), ...chunk, edge(end), edge(padding)];
      this.#checkLearned(groups);
      const tokens = groups.flatMap(single).slice(0, positions);
      ids.set(
        tokens.flatMap(({ ids }) => ids),
        i * positions,
      );
      weights.set(
        tokens.map(({ weight }) => weight),
        i * positions,
      );
    }
    const total = chunks.flat().reduce((sum, { ids }) => sum + ids.length, 0);
    const tokens = { ids, kept: total, total };
    return weights.every((weight) => weight === 1) ? tokens : { ...tokens, weights };
  }

  #groups(text: string, weight: number): Group[] {
    return this.#inRaw
      .split(text)
      .flatMap((part) =>
        typeof part === "string" ? this.#inNormalized.split(normalizePrompt(part)) : [part],
      )
      .flatMap((part) => {
        if (typeof part === "string")
          return this.#encodeWords(part).map((id) => ({ ids: [id], weight, isLearned: false }));
        const { vectors = 1, isLearned = false } = part;
        const first = this.#idOf(part);
        return [{ ids: Array.from({ length: vectors }, (_, i) => first + i), weight, isLearned }];
      });
  }

  #encodeWords(text: string): number[] {
    // Spaces make no token. One in front keeps the library from taking a spelled-out special token for one.
    return this.#words.encode(` ${text}`, { add_special_tokens: false }).ids;
  }

  #idOf(token: AddedToken | string): number {
    const { special, vocab } = this.#files;
    const found = typeof token === "string" ? special.find(({ content }) => content === token) : token;
    return idOf(found as AddedToken, vocab) as number;
  }

  #checkLearned(groups: readonly Group[]): void {
    const own = groups.filter(({ isLearned }) => !isLearned).flatMap(({ ids }) => ids);
    const unlearned = own.find((id) => id >= this.#embeddings);
    if (unlearned === undefined) return;
    const named = this.#files.special.find((token) => !token.isLearned && this.#idOf(token) === unlearned);
    const token = JSON.stringify(named?.content ?? this.#words.decode([unlearned], decoding));
    throw new CameoError(
      "ERR_WEIGHTS_MISMATCH",
      `the tokenizer knows ${token} as token ${unlearned}, but the text encoder has learned only tokens 0 to ` +
        `${this.#embeddings - 1}: load the text encoder that was trained with it, or leave it out of the prompt`,
    );
  }

  #lastWords(ids: number[]): string {
    const words: string[] = [];
    let ordinary: number[] = [];
    const flush = () => {
      if (ordinary.length > 0) words.push(this.#words.decode(ordinary, decoding));
      ordinary = [];
    };
    for (const id of ids.slice(-16)) {
      const added = this.#added.get(id);
      if (added === undefined) ordinary.push(id);
      else {
        flush();
        words.push(added.content);
      }
    }
    flush();
    return words.join(" ").replaceAll("\uFFFD", "").trim().split(/\s+/).slice(-3).join(" ");
  }
}

/** A group's tokens, each by itself. */
function single({ ids, ...group }: Group): Group[] {
  return ids.map((id) => ({ ...group, ids: [id] }));
}

const decoding = { clean_up_tokenization_spaces: false };

function buildTokenizer({ vocab, merges, unknown }: TokenizerFiles): BytePairEncoding {
  const pieces = (pattern: string) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Removed",
    invert: true,
  });
  return new Tokenizer(
    {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [
          pieces(clipPieces),
          pieces(byteLevelPieces),
          { type: "ByteLevel", use_regex: false, add_prefix_space: false },
        ],
      },
      post_processor: null,
      decoder: { type: "ByteLevel" },
      model: { type: "BPE", vocab, merges, unk_token: unknown, end_of_word_suffix: "</w>" },
    },
    {},
  );
}
