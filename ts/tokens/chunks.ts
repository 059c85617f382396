/** Tokens that stay in one chunk: one, or those of a word that was learned. */
export interface TokenGroup {
  ids: readonly number[];
  weight: number;
}

/** Where the prompt has BREAK. */
export const chunkEnd: unique symbol = Symbol("BREAK");

/** A phrase of at most so many tokens goes on to the next chunk as a whole, comma and what is before it left behind. */
const longestPhrase = 20;

/**
 * Parts a prompt into chunks of at most `length` tokens, as A1111's program does: at each `chunkEnd`, and where one is full
 * after its last comma, if that is among its last 20 tokens. At least one; no group may be longer.
 */
export function chunksOf<Group extends TokenGroup>(
  groups: readonly (Group | typeof chunkEnd)[],
  length: number,
  comma: number | undefined,
): Group[][] {
  const chunks: Group[][] = [];
  let chunk: Group[] = [];
  const isComma = ({ ids }: Group) => ids.length === 1 && ids[0] === comma;
  const close = (next: Group[] = []) => {
    chunks.push(chunk.slice(0, chunk.length - next.length));
    chunk = next;
  };
  for (const group of groups) {
    if (group === chunkEnd) {
      close();
      continue;
    }
    if (countOf(chunk) === length) close(isComma(group) ? [] : lastPhrase(chunk, isComma));
    if (countOf(chunk) + group.ids.length > length) close();
    chunk.push(group);
  }
  if (chunk.length > 0 || chunks.length === 0) close();
  return chunks;
}

/** What follows the last comma; nothing where that is too long, or there is none. */
function lastPhrase<Group extends TokenGroup>(chunk: Group[], isComma: (group: Group) => boolean): Group[] {
  const comma = chunk.findLastIndex(isComma);
  const phrase = chunk.slice(comma + 1);
  return comma !== -1 && countOf(phrase) < longestPhrase ? phrase : [];
}

function countOf(groups: readonly TokenGroup[]): number {
  return groups.reduce((sum, { ids }) => sum + ids.length, 0);
}
