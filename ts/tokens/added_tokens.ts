import type { AddedToken } from "./files.js";

const wordBefore = /[\p{L}\p{M}\p{N}\p{Pc}\u200C\u200D]$/u;
const wordAfter = /^[\p{L}\p{M}\p{N}\p{Pc}\u200C\u200D]/u;

/** Finds tokens in a text: of those that start at one place the longest. */
export class AddedTokenFinder {
  readonly #tokens: Map<string, AddedToken>;
  readonly #pattern: RegExp | undefined;

  constructor(tokens: readonly AddedToken[]) {
    this.#tokens = new Map(tokens.map((token) => [token.content, token]));
    const longestFirst = [...this.#tokens.keys()].sort((a, b) => b.length - a.length);
    this.#pattern =
      longestFirst.length === 0 ? undefined : new RegExp(longestFirst.map(escaped).join("|"), "gu");
  }

  /** The text's parts in their order: tokens, and what is between them. */
  split(text: string): (AddedToken | string)[] {
    if (this.#pattern === undefined) return [text];
    const parts: (AddedToken | string)[] = [];
    let end = 0;
    for (const { 0: content, index } of text.matchAll(this.#pattern)) {
      const token = this.#tokens.get(content) as AddedToken;
      if (token.singleWord && isWithinWord(text, index, content.length)) continue;
      parts.push(text.slice(end, index), token);
      end = index + content.length;
    }
    parts.push(text.slice(end));
    return parts.filter((part) => part !== "");
  }
}

function isWithinWord(text: string, start: number, length: number): boolean {
  return wordBefore.test(text.slice(0, start)) || wordAfter.test(text.slice(start + length));
}

function escaped(content: string): string {
  return content.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
