import type { CompleteDiffusionObjective, CompleteRecipe, CompleteWanObjective } from "./complete_types.js";
import type { LossParts } from "./events.js";
import {
  type ModelWriter,
  writeFilmModel,
  writeImageModel,
  writeLora,
  writeMotion,
  writeSubject,
  writeVae,
  writeWanSubject,
} from "./model_writers.js";
import type { ObjectiveRecipe, Recipe } from "./recipe.js";

/** What one of a recipe's kinds takes, and what comes of it. The losses are native/train/objectives'. */
interface TrainingKind {
  /** Whether a sample is a single picture. All others are clips. */
  stills: boolean;
  /** Whether the model has motion modules beside its base. */
  motion: boolean;
  /** Whether a clip needs a caption. */
  captions: boolean;
  /** Whether samples have references, which are pictures of the subject. */
  references: boolean;
  /** Whether the base's VAE makes latents of the pictures, and so must have weights; one of a film model may be drawn. */
  encodes: boolean;
  /** Further fields of a recipe, by their dotted names, that are not for it. */
  without: readonly string[];
  /** The fields of `objective` that it has: those with a default, and others. */
  objective: { defaults: CompleteRecipe["objective"]; others: readonly (keyof ObjectiveRecipe)[] };
  /** What its loss is made of. */
  losses: readonly (keyof LossParts)[];
  /** Trained by default; with adapters something else where that is said. */
  trained: readonly string[];
  adapted?: readonly string[];
  /** Which names or globs may be among `trained`: training what the run's model has not would be for nothing. */
  trainable: { has: (name: string) => boolean; allowed: string };
  /** What is written in the run's folder `model`, and under which name; of adapters, where they aren't merged. */
  model: Written;
  adapters?: Written;
  /** Whether there is nothing else to train. */
  adaptersOnly?: boolean;
}

interface Written {
  name: string;
  write: ModelWriter;
}

/** Names among `trained` that stand for many parameters. */
export const parameterGroups: readonly string[] = ["attn1", "motion", "text_encoder", "attention", "all"];

const noise: CompleteDiffusionObjective = {
  alpha: 0.01,
  beta: 0.1,
  dropCondition: 0.1,
  minSnrGamma: 0,
  timestepShift: 1,
};

const noMotionModules = {
  has: (name: string) => name !== "motion" && name !== "text_encoder",
  allowed: "a part of the network: there are no motion modules, and no text encoder is trained",
};

const flow: CompleteWanObjective = { dropCondition: 0.1, timestepShift: 3, timesteps: "logit-normal" };

/** An autoencoder: it is trained without noise and without a prompt, and nothing is sampled with it. */
const vae = {
  motion: false,
  references: false,
  encodes: false,
  without: ["data.cache", "lora", "gradientCheckpointing", "validation"],
  objective: { defaults: { kl: 1e-6, detail: 1 }, others: [] },
  losses: ["lossReconstruction", "lossDetail", "lossKl"],
  trained: ["all"],
  trainable: {
    has: (name: string) => name === "all" || !parameterGroups.includes(name),
    allowed: '"all" or a glob over the VAE\'s parameters such as "decoder.*"',
  },
  model: { name: "base", write: writeVae },
} as const;

/** A whole film model: its network, or adapters on it, from frames and captions as they are. */
const film = {
  stills: false,
  motion: false,
  references: false,
  encodes: false,
  without: ["data.cache"],
  losses: ["lossVideo"],
  trained: ["all"],
  adapted: ["attention"],
  trainable: noMotionModules,
  adapters: { name: "lora.safetensors", write: writeLora },
} as const;

export const kinds: Record<Recipe["kind"], TrainingKind> = {
  image: {
    stills: true,
    motion: false,
    captions: true,
    references: false,
    encodes: true,
    without: [],
    // A base folder says what its network predicts; the files of other kinds don't.
    objective: { defaults: noise, others: ["prediction"] },
    losses: ["lossVideo"],
    trained: ["all"],
    trainable: {
      has: (name) => name !== "motion",
      allowed: "something else: there are no motion modules",
    },
    model: { name: "base", write: writeImageModel },
  },
  motion: {
    stills: false,
    motion: true,
    captions: true,
    references: false,
    encodes: true,
    without: [],
    objective: { defaults: noise, others: [] },
    losses: ["lossVideo"],
    trained: ["motion"],
    trainable: {
      has: (name) => name === "motion" || name.includes("motion_modules"),
      allowed: '"motion" or a glob with motion_modules in it: the model has nothing else',
    },
    model: { name: "motion", write: writeMotion },
  },
  subject: {
    stills: false,
    motion: true,
    captions: true,
    references: true,
    encodes: true,
    without: [],
    objective: { defaults: noise, others: [] },
    losses: ["lossVideo", "lossReference"],
    trained: ["attn1", "motion"],
    trainable: {
      has: (name) => name !== "text_encoder",
      allowed: "a part of the UNet: the model has no text encoder",
    },
    model: { name: "subject.safetensors", write: writeSubject },
  },
  vae: { ...vae, stills: true, captions: true },
  svd: {
    ...film,
    captions: false,
    objective: {
      defaults: {
        dropCondition: 0.1,
        logSigma: [0.7, 1.6],
        logAugmentation: [-3, 0.5],
        fps: 7,
        motionBucket: 127,
      },
      others: [],
    },
    model: { name: "base", write: writeFilmModel("unet") },
  },
  cogvideox: {
    ...film,
    captions: true,
    objective: { defaults: { dropCondition: 0.1, timestepShift: 1, logAugmentation: [-3, 0.5] }, others: [] },
    model: { name: "base", write: writeFilmModel("transformer") },
  },
  wan: {
    ...film,
    captions: true,
    without: [],
    objective: { defaults: flow, others: [] },
    model: { name: "base", write: writeFilmModel("transformer") },
  },
  phantom: {
    ...film,
    captions: true,
    references: true,
    without: ["model.referenceCrossAttention", "model.noiseCorrelation", "data.references.subjects"],
    objective: { defaults: { ...flow, dropPrompt: 0.1, alpha: 0, beta: 0 }, others: [] },
    losses: ["lossVideo", "lossReference"],
    model: { name: "subject.safetensors", write: writeWanSubject },
  },
  "film-vae": {
    ...vae,
    stills: false,
    captions: false,
  },
  // The teacher is the network without its adapters.
  distillation: {
    ...film,
    captions: true,
    adaptersOnly: true,
    objective: { defaults: { guidanceScale: 6 }, others: [] },
    losses: ["lossDistillation"],
    model: film.adapters,
  },
};

/** What comes of a recipe. */
export function writtenBy({ kind, lora }: Pick<CompleteRecipe, "kind" | "lora">): Written {
  const { model, adapters } = kinds[kind];
  return (lora && adapters) ?? model;
}
