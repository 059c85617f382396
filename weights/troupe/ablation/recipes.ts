import { join } from "node:path";
import type { Recipe } from "cameo";
import type { Variant } from "./variants.js";

/** The networks that every variant starts from. */
export interface Networks {
  base: string;
  motion: string;
}

const checkpoints = { every: 250, keep: 1 };
/** Of min-SNR weights: from an SNR of 0.02 up, where bodies take shape, the clean frames' error counts alike. */
const minSnrGamma = 0.02;

const warmup = (steps: number): number => Math.min(50, Math.floor(steps / 10));

/** `data`: a folder of drawn clips. */
const clips = (data: string): Recipe["data"] => ({
  source: join(data, "clips.jsonl"),
  size: [128, 128],
  workers: 1,
});

/** Short clips of several subjects rather than one whole one: subjects are what is to be told apart. */
const shortClips = { frames: 4, stride: 4 };

/** The image model gets used to its new self-attention, by single frames and captions that tell of the looks. */
export function imageRecipe(base: string, data: string, steps: number, output: string): Recipe {
  return {
    kind: "image",
    model: { base },
    data: { ...clips(data), source: join(data, "described.jsonl") },
    batch: 16,
    trained: ["all"],
    objective: { minSnrGamma },
    optimizer: { learningRate: 4e-4, warmup: warmup(steps), schedule: "cosine", finalLearningRate: 4e-5 },
    steps,
    ema: 0.99,
    checkpoints,
    output,
  };
}

/** Motion modules from nothing, on whole clips. */
export function motionRecipe(networks: Networks, data: string, steps: number, output: string): Recipe {
  return {
    kind: "motion",
    model: { ...networks },
    data: { ...clips(data), stride: 1 },
    batch: 2,
    optimizer: { learningRate: 4e-4, warmup: warmup(steps) },
    steps,
    ema: 0.99,
    checkpoints,
    output,
  };
}

/** One row of the table. */
export function variantRecipe(
  variant: Variant,
  networks: Networks,
  data: string,
  { steps, seed, output }: { steps: number; seed: number; output: string },
): Recipe {
  const { name, paper, referenceCrossAttention, references, ...rest } = variant;
  return {
    kind: "subject",
    model: { ...networks, referenceCrossAttention },
    data: { ...clips(data), ...shortClips, references },
    batch: 4,
    ...rest,
    objective: { ...rest.objective, minSnrGamma },
    optimizer: { learningRate: 3e-4, warmup: warmup(steps) },
    steps,
    ema: 0.995,
    seed,
    checkpoints,
    output,
  };
}
