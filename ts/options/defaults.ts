import type { SampleRequest } from "./sample_request.js";

/** The negative prompt of the paper's authors. */
export const subjectNegativePrompt =
  "semi-realistic, cgi, 3d, render, sketch, cartoon, drawing, anime, text, close up, cropped, out of frame, " +
  "worst quality, low quality, jpeg artifacts, ugly, duplicate, morbid, mutilated, extra fingers, mutated hands, " +
  "poorly drawn hands, poorly drawn face, mutation, deformed, blurry, dehydrated, bad anatomy, bad proportions, " +
  "extra limbs, cloned face, disfigured, gross proportions, malformed limbs, missing arms, missing legs, " +
  "extra arms, extra legs, fused fingers, too many fingers, long neck";

export const framesOfVideo = 16;
/** Where neither a request nor its model says how many. */
export const plainSteps = 30;
/** Of a request. */
export const mostFrames = 1024;
/** In characters. */
export const longestPrompt = 10_000;
/** Frames a second. */
export const [slowest, fastest] = [1, 120];

/** Without motion modules there is no video, only a still. */
export function defaultFrames(hasMotion: boolean): number {
  return hasMotion ? framesOfVideo : 1;
}

/** Nothing where nothing is started from; all of the schedule where a mask, or the frames between two pictures, are made anew. */
export function defaultStrength(
  loaded: { strength: boolean; motion: object | null },
  given: Partial<SampleRequest>,
): number | undefined {
  const { image, lastImage, video, mask, expand, frames } = given;
  if (!loaded.strength || (image ?? lastImage ?? video) === undefined) return undefined;
  const isFilm = (frames ?? defaultFrames(loaded.motion !== null)) > 1;
  const inTime = video === undefined && isFilm;
  return inTime || mask !== undefined || expand !== undefined ? 1 : 0.8;
}

/** Below 2^53. */
export function randomSeed(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
}
