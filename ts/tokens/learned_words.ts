import { CameoError } from "../errors.js";
import { quoted } from "../quote.js";
import type { AddedToken, TokenizerFiles } from "./files.js";
import { normalizePrompt } from "./unicode.js";

/** A word of textual inversion: the text encoder has its vectors. */
export interface LearnedWord {
  token: string;
  /** How many vectors it has, each of which stands for a token. */
  vectors: number;
  /** What its token was read from. */
  file: string;
}

const longestToken = 200;

/**
 * The words as a tokenizer's tokens, with ids from `firstId` on: of one with three vectors `word`, which stands for all,
 * `word_1` and `word_2`. Throws ERR_INVALID_OPTION where one can't be told from what the tokenizer knows.
 */
export function learnedTokens(
  words: readonly LearnedWord[],
  { vocab, special }: TokenizerFiles,
  firstId: number,
): AddedToken[] {
  const known = new Set([...Object.keys(vocab), ...special.map(({ content }) => normalizePrompt(content))]);
  let id = firstId;
  return words.flatMap(({ token, vectors, file }) => {
    const content = token.trim();
    const refuse = (problem: string) =>
      new CameoError(
        "ERR_INVALID_OPTION",
        `embeddings: the token ${quoted(content)} of ${file} ${problem}: give that file another \`token\``,
      );
    if (content === "" || content.length > longestToken)
      throw refuse(`must have 1 to ${longestToken} characters`);
    return Array.from({ length: vectors }, (_, i) => {
      const name = i === 0 ? content : `${content}_${i}`;
      if (known.has(normalizePrompt(name)))
        throw refuse("is there already, in the vocabulary or of another file");
      known.add(normalizePrompt(name));
      const one = { content: name, normalized: true, id: id++, isLearned: true as const };
      return i === 0 ? { ...one, vectors } : one;
    });
  });
}
