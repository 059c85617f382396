/** A token and the logarithm of its probability. */
export type Piece = readonly [text: string, score: number];

/** Below the least likely token: what a character costs that no token has. */
const unknownPenalty = 10;

/** Splits words into the likeliest tokens (arXiv 1804.10959), as Hugging Face's tokenizers do. */
export class Unigram {
  readonly #tokens: Map<string, { id: number; score: number }>;
  readonly #longest: number;
  readonly #unknown: number;
  readonly #unknownScore: number;

  constructor(pieces: readonly Piece[], unknown: number) {
    this.#tokens = new Map(pieces.map(([text, score], id) => [text, { id, score }]));
    this.#longest = pieces.reduce((most, [text]) => Math.max(most, text.length), 1);
    this.#unknown = unknown;
    this.#unknownScore =
      pieces.reduce((least, [, score]) => Math.min(least, score), Number.POSITIVE_INFINITY) - unknownPenalty;
  }

  /** Neighbouring characters without a token are one unknown one. */
  encode(word: string): number[] {
    const best = this.#bestPaths(word);
    const ids: number[] = [];
    for (let end = word.length; end > 0; end = best.starts[end] as number) ids.push(best.ids[end] as number);
    return ids.reverse().filter((id, i, all) => id !== this.#unknown || all[i - 1] !== id);
  }

  /** The last token of the likeliest way to each place: its start and its id. */
  #bestPaths(word: string): { starts: Int32Array; ids: Int32Array } {
    const scores = new Float64Array(word.length + 1);
    const starts = new Int32Array(word.length + 1).fill(-1);
    const ids = new Int32Array(word.length + 1);
    const offer = (start: number, end: number, id: number, score: number) => {
      const total = (scores[start] as number) + score;
      if (starts[end] !== -1 && total <= (scores[end] as number)) return;
      scores[end] = total;
      starts[end] = start;
      ids[end] = id;
    };
    for (let start = 0, width = 1; start < word.length; start += width) {
      width = (word.codePointAt(start) as number) > 0xffff ? 2 : 1;
      const last = Math.min(word.length, start + this.#longest);
      let isKnown = false;
      for (let end = start + width; end <= last; end++) {
        const token = this.#tokens.get(word.slice(start, end));
        if (token === undefined) continue;
        offer(start, end, token.id, token.score);
        isKnown ||= end === start + width;
      }
      if (!isKnown) offer(start, start + width, this.#unknown, this.#unknownScore);
    }
    return { starts, ids };
  }
}
