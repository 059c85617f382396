import type { PipelineDescription } from "../description.js";
import { cleanedCaption } from "./caption.js";
import { fixedText } from "./fixed_text.js";
import { unescapeHtml } from "./html.js";

/** What is done to a prompt before it is taken apart, by the name that the model's description has for it. */
export const promptCleaners: Record<PipelineDescription["promptCleaning"], (text: string) => string> = {
  none: (text) => text,
  caption: cleanedCaption,
  entities: (text) =>
    unescapeHtml(unescapeHtml(fixedText(text)))
      .replace(/\s+/g, " ")
      .trim(),
};
