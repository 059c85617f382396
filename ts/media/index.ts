export { checkOutputPath } from "./formats.js";
export {
  type Fit,
  fitImage,
  type ImageSource,
  type RawImage,
  type ReadImageOptions,
  readImage,
} from "./image.js";
export { digitalSourceType, readVideoMetadata, type VideoMetadata } from "./metadata.js";
export { readVideo } from "./read_video.js";
export { type RawVideo, type WriteOptions, writeVideo } from "./video.js";
