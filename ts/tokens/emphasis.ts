import { CameoError } from "../errors.js";
import { quoted } from "../quote.js";

/** A piece of a prompt, and what the states of its tokens are multiplied by. */
export interface PromptPart {
  /** Absent where the prompt has BREAK. */
  text?: string;
  weight: number;
}

/** Of either sign: what is beyond it gives noise alone, and in the end no numbers. */
const mostWeight = 100;
const strengthOf = { "(": 1.1, "[": 1 / 1.1 };
type Bracket = keyof typeof strengthOf;

/** An escaped character, a bracket, the end of a round one with its weight, or what is between them. */
const marks = /\\[()[\]\\]|:\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*\)|[()[\]]|[^\\()[\]:]+|[\\:]/g;
const breaks = /(?<![\p{L}\p{M}\p{N}_])BREAK(?![\p{L}\p{M}\p{N}_])/u;

/**
 * A prompt in the notation of A1111's program: `(word)`, `(word:1.3)`, `[word]`, `\(` for a bracket itself, and BREAK.
 * A bracket that is never closed reaches to the end; one that closes nothing, or a weight that is no number, is text.
 * Throws ERR_INVALID_OPTION for weights beyond -100 to 100.
 */
export function parseEmphasis(prompt: string): PromptPart[] {
  const parts: PromptPart[] = [];
  const opened: Record<Bracket, number[]> = { "(": [], "[": [] };
  const close = (bracket: Bracket, strength: number = strengthOf[bracket]): boolean => {
    const from = opened[bracket].pop();
    for (const part of from === undefined ? [] : parts.slice(from)) part.weight *= strength;
    return from !== undefined;
  };
  for (const { 0: mark, 1: weight } of prompt.matchAll(marks)) {
    if (mark === "(" || mark === "[") opened[mark].push(parts.length);
    else if (weight !== undefined && close("(", Number(weight))) continue;
    else if ((mark === ")" && close("(")) || (mark === "]" && close("["))) continue;
    else parts.push(...plainParts(/^\\./.test(mark) ? mark.slice(1) : mark));
  }
  for (const bracket of ["(", "["] as const) while (close(bracket));
  return joined(parts).map(checked);
}

function plainParts(text: string): PromptPart[] {
  return text.split(breaks).flatMap((text, i) => {
    const part = { text, weight: 1 };
    return i === 0 ? [part] : [{ weight: 1 }, part];
  });
}

/** Neighbours of one weight are one text, so that a prompt without the notation stays what it is. */
function joined(parts: readonly PromptPart[]): PromptPart[] {
  const result: PromptPart[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (last?.text !== undefined && part.text !== undefined && last.weight === part.weight)
      last.text += part.text;
    else result.push({ ...part });
  }
  return result;
}

function checked(part: PromptPart): PromptPart {
  if (part.text === undefined || Math.abs(part.weight) <= mostWeight) return part;
  const message =
    `the emphasis on ${quoted(part.text)} is ${part.weight.toPrecision(3)}; from -${mostWeight} to ${mostWeight} is ` +
    'allowed (with the option emphasis "none", brackets are text)';
  throw new CameoError("ERR_INVALID_OPTION", message);
}
