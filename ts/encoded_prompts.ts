import type { PipelineDescription } from "./description.js";
import type { NativeSampleRequest } from "./native.js";
import { within } from "./options/check.js";
import type { CompleteSampleRequest } from "./options/sample_options.js";
import { shortened } from "./quote.js";
import type { ClipTokenizer, PromptTokens } from "./tokens/tokenizer.js";

/** A request's prompts as the native half takes them. */
export interface EncodedPrompts {
  native: Pick<NativeSampleRequest, "promptIds" | "promptWeights" | "negativeIds" | "negativeWeights">;
  /** What was left out of them. */
  warnings: string[];
}

/** Encodes both prompts, in as many chunks each. Throws as `ClipTokenizer.encode`. */
export function encodePrompts(
  { prompt, negativePrompt, emphasis, longPrompt }: CompleteSampleRequest,
  { options, textPositions }: Pick<PipelineDescription, "options" | "textPositions">,
  tokenizer: ClipTokenizer,
): EncodedPrompts {
  // The default is longer than CLIP reads, and its authors' program cuts it.
  const isDefault = negativePrompt === options.negativePrompt;
  const encode = (name: string, text: string, long = longPrompt) =>
    within(`${name}: `, () => tokenizer.encode(text, textPositions, { emphasis, longPrompt: long }));
  const positive = encode("prompt", prompt);
  const negative = encode("negativePrompt", negativePrompt, isDefault ? "cut" : longPrompt);
  const length = Math.max(positive.ids.length, negative.ids.length);
  const { ids: empty } = tokenizer.encode("", textPositions);
  return {
    native: {
      promptIds: lengthened(positive.ids, length, empty),
      promptWeights: positive.weights && lengthened(positive.weights, length, new Float32Array([1])),
      negativeIds: lengthened(negative.ids, length, empty),
      negativeWeights: negative.weights && lengthened(negative.weights, length, new Float32Array([1])),
    },
    warnings: [
      ...cutWarning("prompt", positive),
      ...(isDefault ? [] : cutWarning("negative prompt", negative)),
    ],
  };
}

/** What is given, and then `filling` again and again. */
function lengthened<T extends Int32Array | Float32Array>(given: T, length: number, filling: T): T {
  if (given.length === length) return given;
  const result = new (given.constructor as new (length: number) => T)(length);
  for (let i = given.length; i < length; i += filling.length) result.set(filling, i);
  result.set(given);
  return result;
}

function cutWarning(name: string, { cutAfter, kept, total }: PromptTokens): string[] {
  if (cutAfter === undefined) return [];
  return [`the ${name} was cut after "... ${shortened(cutAfter)}" (${kept} of ${total} tokens)`];
}
