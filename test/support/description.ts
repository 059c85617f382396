import type { PipelineDescription } from "#ts/description.js";
import { optionsOf } from "#ts/options/sample.js";

const loaded: Omit<PipelineDescription, "options"> = {
  family: "animatediff",
  device: "cpu",
  dtype: "fp32",
  networks: [],
  subject: true,
  subjectRegions: true,
  motion: { maxFrames: 32 },
  text: true,
  textEncoder: "clip",
  clipText: true,
  promptCleaning: "none",
  image: true,
  imageToVideo: false,
  motionBucket: false,
  frameStride: false,
  pictureLatents: true,
  video: true,
  windows: true,
  caching: true,
  imageGuidance: false,
  strength: true,
  mask: true,
  lastImage: true,
  required: [],
  controls: 0,
  keyframes: false,
  imagePrompt: false,
  scheduler: "ddim",
  latentScale: 8,
  defaultSize: [64, 64],
  embeddings: [],
  textPositions: 77,
  textVocabulary: 1000,
  warnings: [],
  loras: [],
  tokenizer: "",
};

/** What a pipeline with a subject might have loaded. */
export const description: PipelineDescription = { ...loaded, options: optionsOf(loaded) };
