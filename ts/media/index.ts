export { black, hasWhite, type Margins, shapeImage, withMargins } from "./canvas.js";
export {
  checkFilm,
  type FilmFacts,
  type FilmSource,
  isFetched,
  type OpenFilm,
  openFilmSource,
  type RawFilm,
} from "./film_source.js";
export { checkOutputPath, rescuePath } from "./formats.js";
export {
  checkImage,
  type Fit,
  fitImage,
  type ImageSource,
  maxPixels,
  type OpenImage,
  openImage,
  type RawImage,
  type ReadImageOptions,
  readImage,
  readImageSize,
} from "./image.js";
export { digitalSourceType, readVideoMetadata, type VideoMetadata } from "./metadata.js";
export type { FilmFrames, RawVideo, VideoReader } from "./raw_video.js";
export { ByteBudget } from "./source.js";
export { checkOutput, loadEncoder, type WriteOptions, writeVideo } from "./video.js";
export { openVideo, readVideo, readVideoSize } from "./video_reader.js";
