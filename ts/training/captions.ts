import type { PipelineDescription } from "../description.js";
import { clipPrompts, type PromptEncoder } from "../prompt_encoder.js";
import { encodeT5Prompts } from "../t5_prompts.js";
import { T5Tokenizer } from "../tokens/t5_tokenizer.js";
import { ClipTokenizer } from "../tokens/tokenizer.js";
import type { CaptionIds } from "./training_sample.js";

/** How a run's captions and its validation's prompts become tokens. */
interface Captions {
  idsOf: CaptionIds;
  /** Of the empty caption, for samples that lose theirs. */
  emptyIds: Int32Array;
  encodePrompts: PromptEncoder | undefined;
}

type TextEncoder = NonNullable<PipelineDescription["textEncoder"]>;

const openers: Record<TextEncoder, (description: PipelineDescription) => Promise<Captions>> = {
  // The data's workers do it: prompts have weights and chunks, captions none.
  clip: async ({ tokenizer, textVocabulary, textPositions }) => {
    const opened = await ClipTokenizer.load(tokenizer, textVocabulary);
    const { ids: emptyIds } = opened.encode("", textPositions);
    return { idsOf: () => undefined, emptyIds, encodePrompts: clipPrompts(opened) };
  },
  t5: async (description) => {
    const opened = await T5Tokenizer.load(description.tokenizer as string, description.textVocabulary);
    const idsOf = (prompt: string) =>
      encodeT5Prompts({ prompt, negativePrompt: "" }, description, opened).native.promptIds;
    const encodePrompts: PromptEncoder = (request, loaded) => encodeT5Prompts(request, loaded, opened);
    return { idsOf, emptyIds: idsOf(""), encodePrompts };
  },
};

/** Opens the model's tokenizer, where it reads text. Rejects as the tokenizers' `load`. */
export async function openCaptions(description: PipelineDescription): Promise<Captions> {
  if (description.textEncoder !== null) return openers[description.textEncoder](description);
  return { idsOf: () => undefined, emptyIds: new Int32Array(0), encodePrompts: undefined };
}

/** What the data's workers tokenise by: CLIP's tokenizer for as many positions as its encoder has, or nothing. */
export function tokensInWorkers({ textEncoder, tokenizer, textPositions }: PipelineDescription) {
  return textEncoder === "clip" ? { tokenizer, textPositions } : { tokenizer: null, textPositions: 0 };
}
