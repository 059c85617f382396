import type { PipelineDescription } from "./description.js";
import type { NativePromptTokens, NativeSampleRequest } from "./native.js";
import { within } from "./options/check.js";
import { promptsOf } from "./options/length.js";
import type { CompleteSampleRequest } from "./options/sample_options.js";
import { shortened } from "./quote.js";
import { promptCleaners } from "./tokens/cleaning.js";
import type { ClipTokenizer, PromptTokens } from "./tokens/tokenizer.js";

/** A request's prompts as the native half takes them. */
export interface EncodedPrompts {
  native: Pick<
    NativeSampleRequest,
    | "promptIds"
    | "promptWeights"
    | "promptCount"
    | "promptFrames"
    | "negativeIds"
    | "negativeWeights"
    | "negativeCount"
    | "words"
  >;
  /** What was left out of them. */
  warnings: string[];
}

/** Those of a model that reads no text. */
export const withoutText: EncodedPrompts = {
  native: { promptIds: new Int32Array(0), negativeIds: new Int32Array(0) },
  warnings: [],
};

/**
 * Encodes all prompts for CLIP, in as many chunks each, and subjects' words, in as many or more of their own. Throws as
 * `ClipTokenizer.encode`.
 */
export function encodePrompts(
  { prompt, negativePrompt, emphasis, longPrompt, subjects = [] }: CompleteSampleRequest,
  {
    options,
    textPositions,
    promptCleaning,
  }: Pick<PipelineDescription, "options" | "textPositions" | "promptCleaning">,
  tokenizer: ClipTokenizer,
): EncodedPrompts {
  // The default is longer than CLIP reads, and its authors' program cuts it.
  const isDefault = negativePrompt === options.negativePrompt;
  const encode = (name: string, text: string, long = longPrompt) =>
    within(`${name}: `, () =>
      tokenizer.encode(promptCleaners[promptCleaning](text), textPositions, { emphasis, longPrompt: long }),
    );
  const prompts = promptsOf(prompt);
  const nameOf = (frame: number) => (prompts.length === 1 ? "prompt" : `prompt at frame ${frame}`);
  const positives = prompts.map(({ frame, text }) => encode(nameOf(frame), text));
  const negative = encode("negativePrompt", negativePrompt, isDefault ? "cut" : longPrompt);
  const words = subjects.map(({ words }, i) => (words === undefined ? undefined : encode(wordsOf(i), words)));
  const length = Math.max(...[...positives, negative].map(({ ids }) => ids.length));
  const { ids: empty } = tokenizer.encode("", textPositions);
  return {
    native: {
      ...joined(positives, length, empty),
      promptFrames: Int32Array.from(prompts, ({ frame }) => frame),
      negativeIds: lengthened(negative.ids, length, empty),
      negativeWeights: negative.weights && lengthened(negative.weights, length, weightOne),
      words: words.some((each) => each)
        ? words.map((each) => each && atLeast(each, length, empty))
        : undefined,
    },
    warnings: [
      ...positives.flatMap((positive, i) => cutWarning(nameOf(prompts[i]?.frame ?? 0), positive)),
      ...(isDefault ? [] : cutWarning("negative prompt", negative)),
      ...words.flatMap((each, i) => (each ? cutWarning(`text of ${wordsOf(i)}`, each) : [])),
    ],
  };
}

/** As errors call them. */
const wordsOf = (subject: number): string => `subjects[${subject}].words`;

const weightOne = new Float32Array([1]);

/** As long as the prompts where it is shorter: words that are the prompt's are what the prompt is. */
function atLeast({ ids, weights }: PromptTokens, length: number, empty: Int32Array): NativePromptTokens {
  const whole = Math.max(length, ids.length);
  return { ids: lengthened(ids, whole, empty), weights: weights && lengthened(weights, whole, weightOne) };
}

/** One prompt after another; where one has weights, all have. */
function joined(prompts: readonly PromptTokens[], length: number, empty: Int32Array) {
  const promptIds = new Int32Array(length * prompts.length);
  const promptWeights = new Float32Array(length * prompts.length).fill(1);
  for (const [i, { ids, weights }] of prompts.entries()) {
    promptIds.set(lengthened(ids, length, empty), i * length);
    promptWeights.set(weights ?? [], i * length);
  }
  const isWeighted = prompts.some(({ weights }) => weights !== undefined);
  return { promptIds, promptWeights: isWeighted ? promptWeights : undefined };
}

/** What is given, and then `filling` again and again. */
function lengthened<T extends Int32Array | Float32Array>(given: T, length: number, filling: T): T {
  if (given.length === length) return given;
  const result = new (given.constructor as new (length: number) => T)(length);
  for (let i = given.length; i < length; i += filling.length) result.set(filling, i);
  result.set(given);
  return result;
}

/** That a prompt was cut, where it was. */
export function cutWarning(
  name: string,
  { cutAfter, kept, total }: { cutAfter?: string; kept: number; total: number },
): string[] {
  if (cutAfter === undefined) return [];
  return [`the ${name} was cut after "... ${shortened(cutAfter)}" (${kept} of ${total} tokens)`];
}
