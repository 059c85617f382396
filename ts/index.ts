export type { NetworkDescription, PipelineDescription, WeightFileDescription } from "./description.js";
export { CameoError, type ErrorCode } from "./errors.js";
export type { Fit, ImageSource, RawImage } from "./media/index.js";
export type { RgbImage } from "./native.js";
export type { LoadOptions, LoadProgress } from "./options/load.js";
export type {
  CompleteSampleRequest,
  SampleProgress,
  SampleRequest,
} from "./options/sample.js";
export { Pipeline } from "./pipeline.js";
export type {
  CheckpointEvent,
  DoneEvent,
  SkipEvent,
  StepEvent,
  TrainingEvent,
  ValidationEvent,
} from "./training/events.js";
export type { Membership } from "./training/launch_environment.js";
export type { CompleteRecipe, Recipe } from "./training/recipe.js";
export { Trainer, type TrainerOptions } from "./training/trainer.js";
export type { TrainerDescription } from "./training/trainer_description.js";
export type { SaveOptions, Video } from "./video.js";
