import type { PipelineDescription } from "./description.js";
import { type EncodedPrompts, encodePrompts } from "./encoded_prompts.js";
import type { CompleteSampleRequest } from "./options/sample_options.js";
import { encodeT5Prompts } from "./t5_prompts.js";
import { T5Tokenizer } from "./tokens/t5_tokenizer.js";
import { ClipTokenizer } from "./tokens/tokenizer.js";

/** Turns a request's prompts to tokens. Throws ERR_INVALID_OPTION, and ERR_WEIGHTS_MISMATCH for a foreign tokenizer. */
export type PromptEncoder = (
  request: CompleteSampleRequest,
  description: PipelineDescription,
) => EncodedPrompts;

type TextEncoder = NonNullable<PipelineDescription["textEncoder"]>;

const openers: Record<TextEncoder, (description: PipelineDescription) => Promise<PromptEncoder>> = {
  clip: async ({ tokenizer, textVocabulary, embeddings }) =>
    clipPrompts(await ClipTokenizer.load(tokenizer, textVocabulary, embeddings)),
  t5: async ({ tokenizer, textVocabulary }) => {
    const opened = await T5Tokenizer.load(tokenizer as string, textVocabulary);
    return (request, description) => encodeT5Prompts(request, description, opened);
  },
};

/** Opens the model's tokenizer; undefined for one that reads no text. Rejects with ERR_WEIGHTS_FORMAT. */
export async function openPromptEncoder(
  description: PipelineDescription,
): Promise<PromptEncoder | undefined> {
  return description.textEncoder === null ? undefined : await openers[description.textEncoder](description);
}

export function clipPrompts(tokenizer: ClipTokenizer): PromptEncoder {
  return (request, description) => encodePrompts(request, description, tokenizer);
}
