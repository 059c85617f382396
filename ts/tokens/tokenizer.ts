import { Tokenizer } from "@huggingface/tokenizers";
import { readTokenizerFiles, type TokenizerFiles } from "./files.js";
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
  normalizer: { normalize(text: string): string };
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
}

/** CLIP's byte-pair encoding: the ids that transformers' CLIPTokenizer gives. */
export class ClipTokenizer {
  readonly #tokenizer: BytePairEncoding;
  readonly #files: TokenizerFiles;

  constructor(files: TokenizerFiles) {
    this.#files = files;
    this.#tokenizer = buildTokenizer(files);
  }

  /** Opens a tokenizer folder. Rejects with ERR_WEIGHTS_FORMAT where it is none. */
  static async load(folder: string): Promise<ClipTokenizer> {
    return new ClipTokenizer(await readTokenizerFiles(folder));
  }

  /** The ids of `text` for a text encoder of so many positions. */
  encode(text: string, positions: number): PromptTokens {
    const { vocab, start, end, padding } = this.#files;
    const all = this.#tokenizer.encode(text.replace(/\p{Surrogate}/gu, "\uFFFD"), {
      add_special_tokens: false,
    }).ids;
    const kept = all.slice(0, positions - 2);
    const ids = new Int32Array(positions).fill(vocab[padding] as number);
    ids.set([vocab[start] as number, ...kept, vocab[end] as number]);
    const tokens = { ids, kept: kept.length, total: all.length };
    return kept.length === all.length ? tokens : { ...tokens, cutAfter: this.#lastWords(kept) };
  }

  #lastWords(ids: number[]): string {
    const text = this.#tokenizer.decode(ids.slice(-16), { clean_up_tokenization_spaces: false });
    const words = text.replaceAll("\uFFFD", "").trim().split(/\s+/);
    return words.slice(-3).join(" ");
  }
}

function buildTokenizer({ vocab, merges, special, unknown }: TokenizerFiles): BytePairEncoding {
  const pieces = (pattern: string) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Removed",
    invert: true,
  });
  const tokenizer: BytePairEncoding = new Tokenizer(
    {
      added_tokens: special.map((token) => ({ ...token, id: vocab[token.content] as number, special: true })),
      normalizer: { type: "Lowercase" },
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
  // Spaces make no token. One in front keeps the library from taking a spelled-out special token for one.
  tokenizer.normalizer.normalize = (text) => ` ${normalizePrompt(text)}`;
  return tokenizer;
}
