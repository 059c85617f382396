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
export type { SaveOptions, Video } from "./video.js";
