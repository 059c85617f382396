export {
  type Converted,
  type ConvertOptions,
  type ConvertProgress,
  convert,
  type Layout,
} from "./convert.js";
export type {
  EmbeddingDescription,
  LoraDescription,
  NetworkDescription,
  PipelineDescription,
  WeightFileDescription,
} from "./description.js";
export { CameoError, type CameoErrorJson, type ErrorCode } from "./errors.js";
export type { ExtendRequest } from "./extension.js";
export type { FilmStream } from "./film_stream.js";
export type { FilmSource, Fit, ImageSource, RawFilm, RawImage, RawVideo } from "./media/index.js";
export type { MemoryPlan, PlanOptions } from "./memory_plan.js";
export type { RgbImage } from "./native.js";
export type { Complete } from "./options/complete.js";
export type { ImagePromptScale, ImagePromptScales } from "./options/image_prompt.js";
export type { EmbeddingFile, LoadOptions, LoadProgress } from "./options/load_options.js";
export type { Lora, Loras } from "./options/lora.js";
export type {
  AnyRequest,
  Box,
  CompleteSampleRequest,
  ContextWindows,
  Control,
  EditRequest,
  FreeInit,
  ImageToVideoRequest,
  MovingBox,
  PromptsOverTime,
  SampleProgress,
  SampleRequest,
  Scheduler,
  SchedulerConfig,
  Subject,
  SubjectStrength,
} from "./options/sample_options.js";
export type { SamplerName } from "./options/sampler_names.js";
export { Pipeline } from "./pipeline.js";
export type { SamplesProgress, SamplesRequest } from "./series.js";
export type { SampleDefaults } from "./shipped_model/index.js";
export type {
  CompleteCogVideoXObjective,
  CompleteDataRecipe,
  CompleteDiffusionObjective,
  CompleteDistillationObjective,
  CompletePhantomObjective,
  CompleteRecipe,
  CompleteReferenceRecipe,
  CompleteSvdObjective,
  CompleteVaeObjective,
  CompleteWanObjective,
} from "./training/complete_types.js";
export type {
  CheckpointEvent,
  DoneEvent,
  LossParts,
  SkipEvent,
  StepEvent,
  TrainingEvent,
  ValidationEvent,
} from "./training/events.js";
export type { Membership } from "./training/launch_environment.js";
export type {
  DataRecipe,
  DistributedRecipe,
  ModelRecipe,
  ObjectiveRecipe,
  OptimizerRecipe,
  Recipe,
  ReferenceRecipe,
  ValidationRecipe,
} from "./training/recipe.js";
export { Trainer, type TrainerOptions } from "./training/trainer.js";
export type { TrainerDescription } from "./training/trainer_description.js";
export { type SaveOptions, Video, type VideoJson, type VideoParts } from "./video.js";
