import { keptPath } from "../data/index.js";
import type { PipelineDescription } from "../description.js";
import { clipPrompts, type PromptEncoder } from "../prompt_encoder.js";
import { encodeT5Prompts } from "../t5_prompts.js";
import { T5Tokenizer } from "../tokens/t5_tokenizer.js";
import { ClipTokenizer } from "../tokens/tokenizer.js";
import type { CompleteRecipe } from "./complete_types.js";
import type { CaptionIds, StatesPath } from "./training_sample.js";

/** How a run's captions and its validation's prompts become tokens. */
export interface Captions {
  idsOf: CaptionIds;
  statesPath: StatesPath;
  /** Of the empty caption, for samples that lose theirs. */
  emptyIds: Int32Array;
  encodePrompts: PromptEncoder | undefined;
}

type TextEncoder = NonNullable<PipelineDescription["textEncoder"]>;

/** What is kept of captions, and which text encoder says it. */
type KeptCaptions = Pick<CompleteRecipe["data"], "cache"> & { key: string };

type Opener = (description: PipelineDescription, kept: KeptCaptions) => Promise<Captions>;

const keepNothing: StatesPath = () => undefined;

const openers: Record<TextEncoder, Opener> = {
  // The data's workers do it: prompts have weights and chunks, captions none.
  clip: async ({ tokenizer, textVocabulary, textPositions }) => {
    const opened = await ClipTokenizer.load(tokenizer, textVocabulary);
    const { ids: emptyIds } = opened.encode("", textPositions);
    const encodePrompts = clipPrompts(opened);
    return { idsOf: () => undefined, statesPath: keepNothing, emptyIds, encodePrompts };
  },
  t5: async (description, { cache, key }) => {
    const opened = await T5Tokenizer.load(description.tokenizer as string, description.textVocabulary);
    const idsOf = (prompt: string) =>
      encodeT5Prompts({ prompt, negativePrompt: "" }, description, opened).native.promptIds;
    const encodePrompts: PromptEncoder = (request, loaded) => encodeT5Prompts(request, loaded, opened);
    const statesPath: StatesPath = (ids) =>
      cache && keptPath(cache.folder, { textEncoder: key, ids: Array.from(ids) });
    return { idsOf, statesPath, emptyIds: idsOf(""), encodePrompts };
  },
};

/** Opens the model's tokenizer, where it reads text. Rejects as the tokenizers' `load`. */
export async function openCaptions(description: PipelineDescription, kept: KeptCaptions): Promise<Captions> {
  const { textEncoder } = description;
  if (textEncoder !== null) return openers[textEncoder](description, kept);
  const emptyIds = new Int32Array(0);
  return { idsOf: () => undefined, statesPath: keepNothing, emptyIds, encodePrompts: undefined };
}

/** What the data's workers tokenise by: CLIP's tokenizer for as many positions as its encoder has, or nothing. */
export function tokensInWorkers({ textEncoder, tokenizer, textPositions }: PipelineDescription) {
  return textEncoder === "clip" ? { tokenizer, textPositions } : { tokenizer: null, textPositions: 0 };
}
