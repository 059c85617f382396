import type { PipelineDescription } from "./description.js";
import { cutWarning, type EncodedPrompts } from "./encoded_prompts.js";
import { CameoError } from "./errors.js";
import { within } from "./options/check.js";
import { promptsOf } from "./options/length.js";
import type { CompleteSampleRequest } from "./options/sample_options.js";
import { promptCleaners } from "./tokens/cleaning.js";
import type { T5Tokenizer } from "./tokens/t5_tokenizer.js";

/**
 * A request's prompts for a model that reads them by T5: cleaned as it was trained, and as many tokens as it reads, of which
 * those that count are counted. Throws as `T5Tokenizer.encode`, and ERR_INVALID_OPTION for prompts over time.
 */
export function encodeT5Prompts(
  { prompt, negativePrompt }: Pick<CompleteSampleRequest, "prompt" | "negativePrompt">,
  { textPositions, promptCleaning }: Pick<PipelineDescription, "textPositions" | "promptCleaning">,
  tokenizer: T5Tokenizer,
): EncodedPrompts {
  const prompts = promptsOf(prompt);
  if (prompts.length > 1) {
    const message = "prompt: this model takes one prompt for the whole film, none that changes over time";
    throw new CameoError("ERR_INVALID_OPTION", message);
  }
  const encode = (name: string, text: string) =>
    within(`${name}: `, () => tokenizer.encode(promptCleaners[promptCleaning](text), textPositions));
  const positive = encode("prompt", prompts[0]?.text ?? "");
  const negative = encode("negativePrompt", negativePrompt);
  return {
    native: {
      promptIds: positive.ids,
      promptCount: positive.kept + 1,
      negativeIds: negative.ids,
      negativeCount: negative.kept + 1,
    },
    warnings: [...cutWarning("prompt", positive), ...cutWarning("negative prompt", negative)],
  };
}
