import type { Complete } from "../options/complete.js";
import type {
  DataRecipe,
  ModelRecipe,
  ObjectiveRecipe,
  Recipe,
  ReferenceRecipe,
  ValidationRecipe,
} from "./recipe.js";

/**
 * A recipe with every default filled in, as the trainer takes it; every path is absolute.
 *
 * @interface
 */
export type CompleteRecipe = Complete<
  Omit<Recipe, "lora" | "ema" | "validation" | "data" | "objective" | "model">
> & {
  /** The networks to start from. */
  model: ModelRecipe;
  /** What is minimised. */
  objective:
    | CompleteDiffusionObjective
    | CompleteVaeObjective
    | CompleteSvdObjective
    | CompleteCogVideoXObjective
    | CompleteWanObjective
    | CompletePhantomObjective
    | CompleteDistillationObjective;
  /** What is learned from. */
  data: CompleteDataRecipe;
  /** Undefined where whole matrices are trained. */
  lora?: {
    /** Of each adapter: its matrices are (rank, in) and (out, rank). */
    rank: number;
    /** The adapters' product is scaled by alpha / rank. */
    alpha: number;
  };
  /** Undefined where no moving average is kept. */
  ema?: number;
  /** What is sampled on the way. */
  validation?: ValidationRecipe & {
    /** Of the files: an extension. */
    format: string;
  };
};

/**
 * The objective of a VAE, with every default filled in.
 *
 * @interface
 */
export type CompleteVaeObjective = Complete<Pick<ObjectiveRecipe, "kl" | "detail">>;

/**
 * The objective of "image", "motion" and "subject", with every default filled in.
 *
 * @interface
 */
export type CompleteDiffusionObjective = Pick<ObjectiveRecipe, "prediction"> &
  Complete<Pick<ObjectiveRecipe, "alpha" | "beta" | "dropCondition" | "minSnrGamma" | "timestepShift">>;

/**
 * The objective of "svd", with every default filled in.
 *
 * @interface
 */
export type CompleteSvdObjective = Complete<
  Pick<ObjectiveRecipe, "dropCondition" | "logSigma" | "logAugmentation" | "fps" | "motionBucket">
>;

/**
 * The objective of "cogvideox", with every default filled in.
 *
 * @interface
 */
export type CompleteCogVideoXObjective = Complete<
  Pick<ObjectiveRecipe, "dropCondition" | "timestepShift" | "logAugmentation">
>;

/**
 * The objective of "wan", with every default filled in.
 *
 * @interface
 */
export type CompleteWanObjective = Complete<
  Pick<ObjectiveRecipe, "dropCondition" | "timestepShift" | "timesteps">
>;

/**
 * The objective of "phantom", with every default filled in.
 *
 * @interface
 */
export type CompletePhantomObjective = CompleteWanObjective &
  Complete<Pick<ObjectiveRecipe, "dropPrompt" | "alpha" | "beta">>;

/**
 * The objective of "distillation", with every default filled in.
 *
 * @interface
 */
export type CompleteDistillationObjective = Complete<Pick<ObjectiveRecipe, "guidanceScale">>;

/**
 * A recipe's data, with every default filled in.
 *
 * @interface
 */
export type CompleteDataRecipe = Complete<
  Omit<DataRecipe, "root" | "masks" | "cache" | "references" | "size">
> & {
  /** What a list's paths are relative to. Undefined: the list's folder. */
  root?: string;
  /** A folder with each clip's masks. Undefined: none but those that a list names. */
  masks?: string;
  /** One or more [width, height]. */
  size: [number, number][];
  /** Undefined where the recipe's kind has no references. */
  references?: CompleteReferenceRecipe;
  /** Undefined where no latents are kept. */
  cache?: {
    /** Where they are kept. */
    folder: string;
    /** How often random choices are drawn for each clip. */
    variants: number;
  };
};

/**
 * How references are drawn, with every default filled in.
 *
 * @interface
 */
export type CompleteReferenceRecipe = Complete<Omit<ReferenceRecipe, "affine" | "subjects">> & {
  /** A random affine map. `false`: none. */
  affine:
    | false
    | {
        /** Turned by at most so many. */
        degrees: number;
        /** Shifted by at most so much of the width and the height. */
        translate: number;
        /** From and to. */
        scale: [number, number];
      };
  /** Undefined where a clip has one subject. */
  subjects?: {
    /** How many every clip has. */
    count: number;
    /** How far a region may go beyond its subject, of the picture. */
    grow: number;
  };
};
