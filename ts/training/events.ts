import type { CameoError } from "../errors.js";

/** What happens in a training run, in order. */
export type TrainingEvent = StepEvent | SkipEvent | ValidationEvent | CheckpointEvent | DoneEvent;

/** What a step's loss is made of, each part before its weight; those that the recipe's kind has. */
export interface LossParts {
  /** Of the frames; of the picture where the kind is "image". */
  lossVideo?: number | undefined;
  /** Of the references; for "subject" alone. */
  lossReference?: number | undefined;
  /** Of what the teacher sees in the films; for "distillation" alone. */
  lossDistillation?: number | undefined;
  /** The mean absolute error of the picture out of the VAE; for "vae" alone, as are the following. */
  lossReconstruction?: number | undefined;
  /** The mean absolute error of differences between neighbouring pixels, at three scales. */
  lossDetail?: number | undefined;
  /** The latents' divergence from a unit normal, mean over their elements. */
  lossKl?: number | undefined;
}

/** One step of the optimiser. */
export interface StepEvent extends LossParts {
  /** Which event it is. */
  type: "step";
  /** From 1. */
  step: number;
  /** Of the whole run. */
  steps: number;
  /** How often the whole data set was gone through. */
  epoch: number;
  /** What is minimised, a mean over the step's samples. */
  loss: number;
  /** Of this step. */
  learningRate: number;
  /** Of all gradients together, before they are clipped. */
  gradientNorm: number;
  /** Nothing was moved, because the gradient was not finite. */
  skipped: boolean;
  /** What this step took. */
  secondsPerStep: number;
  /** Of all processes together. */
  samplesPerSecond: number;
  /** Share of the step, 0 to 1, that was spent waiting for data. */
  waitShare: number;
  /**
   * Of the time in which this process's threads could compute, the share, 0 to 1, in which they waited for a core because
   * other programs, or the data's workers, had it: with 0.5 a step takes twice as long as alone, or longer. Undefined where
   * the system does not tell (it does on Linux).
   */
  coreWaitShare?: number | undefined;
  /** Of this process, at its fullest. */
  memoryBytes: number;
  /** Until the last step, from the speed so far. */
  etaSeconds: number;
}

/** A clip that can't be used was left out; each is reported once. */
export interface SkipEvent {
  /** Which event it is. */
  type: "skip";
  /** As the list or the folder names it. */
  clip: string;
  /** ERR_DATASET. */
  reason: CameoError;
}

/** Videos were made with what was trained so far. */
export interface ValidationEvent {
  /** Which event it is. */
  type: "validation";
  /** How many steps were done. */
  step: number;
  /** The files, one or more for each of the recipe's requests. */
  paths: string[];
}

/** All that resuming needs was written. */
export interface CheckpointEvent {
  /** Which event it is. */
  type: "checkpoint";
  /** How many steps were done. */
  step: number;
  /** The file. */
  path: string;
}

/** The last step was done and the model written. */
export interface DoneEvent {
  /** Which event it is. */
  type: "done";
  /** How many steps were done. */
  step: number;
  /** What `Pipeline.load` takes: the subject's file, the motion modules' folder or the image model's. */
  model: string;
}
