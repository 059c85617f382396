import { Tokenizer } from "@huggingface/tokenizers";
import { CameoError } from "../errors.js";
import { AddedTokenFinder } from "./added_tokens.js";
import { tokenizerFiles } from "./clip_vocabulary.js";
import { type AddedToken, idOf, type TokenizerFiles } from "./files.js";
import { letter, normalizePrompt, number, symbol } from "./unicode.js";

export interface PromptTokens {
  /** Start, at most `positions - 2` tokens of the text, end, padding. */
  ids: Int32Array;
  /** How many tokens of the text are in `ids`, and how many it has. */
  kept: number;
  total: number;
  /** The last words that were kept, where some were not. */
  cutAfter?: string;
}

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

  /** `embeddings`: how many tokens the text encoder has learned. */
  constructor(files: TokenizerFiles, embeddings = Number.POSITIVE_INFINITY) {
    this.#files = files;
    this.#words = buildTokenizer(files);
    this.#inRaw = new AddedTokenFinder(files.special.filter(({ normalized }) => !normalized));
    this.#inNormalized = new AddedTokenFinder(
      files.special
        .filter(({ normalized }) => normalized)
        .map((token) => ({ ...token, id: this.#idOf(token), content: normalizePrompt(token.content) })),
    );
    this.#added = new Map(files.special.map((token) => [this.#idOf(token), token]));
    this.#embeddings = embeddings;
  }

  /** Opens a tokenizer's folder; null is CLIP's own. Rejects with ERR_WEIGHTS_FORMAT where it is none. */
  static async load(folder: string | null, embeddings?: number): Promise<ClipTokenizer> {
    const files = await tokenizerFiles(folder);
    const tokens = Object.keys(files.vocab).length;
    if (folder === null && embeddings !== undefined && embeddings < tokens) {
      throw new CameoError(
        "ERR_WEIGHTS_MISMATCH",
        `the model comes without a tokenizer, and its text encoder knows ${embeddings} tokens where CLIP's knows ${tokens}: ` +
          "name the folder of its own tokenizer with `tokenizer`",
      );
    }
    return new ClipTokenizer(files, embeddings);
  }

  /**
   * The ids of `text` for a text encoder of so many positions. Throws ERR_WEIGHTS_MISMATCH for a token that the text
   * encoder has not learned.
   */
  encode(text: string, positions: number): PromptTokens {
    const { start, end, padding } = this.#files;
    const all = this.#encodeAll(text.replace(/\p{Surrogate}/gu, "\uFFFD"));
    const kept = all.slice(0, positions - 2);
    const ids = new Int32Array(positions).fill(this.#idOf(padding));
    ids.set([this.#idOf(start), ...kept, this.#idOf(end)]);
    this.#checkLearned(ids);
    const tokens = { ids, kept: kept.length, total: all.length };
    return kept.length === all.length ? tokens : { ...tokens, cutAfter: this.#lastWords(kept) };
  }

  #encodeAll(text: string): number[] {
    return this.#inRaw
      .split(text)
      .flatMap((part) =>
        typeof part === "string" ? this.#inNormalized.split(normalizePrompt(part)) : [part],
      )
      .flatMap((part) => (typeof part === "string" ? this.#encodeWords(part) : [this.#idOf(part)]));
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

  #checkLearned(ids: Int32Array): void {
    const unlearned = ids.find((id) => id >= this.#embeddings);
    if (unlearned === undefined) return;
    const token = JSON.stringify(
      this.#added.get(unlearned)?.content ?? this.#words.decode([unlearned], decoding),
    );
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
