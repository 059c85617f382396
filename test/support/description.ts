import type { PipelineDescription } from "#ts/description.js";

/** What a pipeline with a subject might have loaded. */
export const description: PipelineDescription = {
  device: "cpu",
  dtype: "fp32",
  networks: [],
  subject: true,
  motion: { maxFrames: 32 },
  latentScale: 8,
  defaultSize: [64, 64],
  textPositions: 77,
  textVocabulary: 1000,
  warnings: [],
  tokenizer: "",
};
