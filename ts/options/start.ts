import { invalid } from "./check.js";
import { plainSteps } from "./defaults.js";
import { defined } from "./defined.js";
import type { CompleteSampleRequest, Loaded, SampleRequest } from "./sample_options.js";

/**
 * Throws ERR_INVALID_OPTION where the pictures that a request starts from, keeps or edits don't go together, or where the
 * loaded model has no use for them.
 */
export function checkStart(request: CompleteSampleRequest, loaded: Loaded): void {
  checkRequired(request, loaded);
  checkTaken(request, loaded);
  checkTogether(request);
  checkStrength(request);
  checkExpand(request);
}

/** The request with `image` and `lastImage` as keyframes, where a SparseCtrl network makes the frames between them. */
export function withKeyframes(
  given: SampleRequest,
  { keyframes: taken }: Loaded,
  frames: number,
): SampleRequest {
  const { image, lastImage, keyframes, ...others } = given;
  const ends = defined({ 0: image, ...(frames > 1 && { [frames - 1]: lastImage }) });
  const isKept = [given.video, given.mask, given.expand].some((each) => each !== undefined);
  const hasNoPlace = frames === 1 && lastImage !== undefined;
  if (!taken || isKept || hasNoPlace || Object.keys(ends).length === 0) return given;
  const twice = Object.keys(ends).find((frame) => keyframes !== undefined && frame in keyframes);
  if (twice !== undefined) {
    const name = twice === "0" && image !== undefined ? "image" : "lastImage";
    throw invalid(`${name}: keyframes has frame ${twice} already; give one of the two`);
  }
  return { ...others, keyframes: { ...keyframes, ...(ends as SampleRequest["keyframes"]) } };
}

/** As `checkStart`, as far as that needs no model. */
export function checkStartAlone(given: SampleRequest): void {
  // Frames that aren't said may be enough, and are no reason to complain of strength.
  checkTogether({ ...given, frames: given.frames ?? Number.POSITIVE_INFINITY });
  checkStrength({ ...given, frames: given.frames ?? 1, steps: given.steps ?? plainSteps });
}

type Pictures = Pick<SampleRequest, "image" | "lastImage" | "video" | "mask" | "expand">;
type Numbers = { frames: number; steps: number; strength?: SampleRequest["strength"] };

const isMasked = ({ mask, expand }: Pictures): boolean => mask !== undefined || expand !== undefined;

function checkRequired(request: CompleteSampleRequest, loaded: Loaded): void {
  const why = whatItDoes(loaded);
  const missing = (name: string) => invalid(`${name} is missing: this model ${why}`);
  const { image, video } = request;
  if (loaded.required.includes("image") && image === undefined && video === undefined) throw missing("image");
  if (loaded.required.includes("mask") && !isMasked(request)) throw missing("mask");
}

function whatItDoes({ imageToVideo, instruction, mask }: Loaded): string {
  if (imageToVideo) return "makes a film of a picture: give it as image";
  if (instruction) return "edits a picture, by the prompt: give it as image, or a film as video";
  if (!mask) return "makes a film of its first picture: give it as image";
  return "paints the white part of a mask anew";
}

function checkTaken({ mask, expand, lastImage, strength }: CompleteSampleRequest, loaded: Loaded): void {
  const refuse = (name: string, why: string) => invalid(`${name}: ${why}; leave it out`);
  if (!loaded.mask && mask !== undefined) throw refuse("mask", "this model edits all of a picture");
  if (!loaded.mask && expand !== undefined) throw refuse("expand", "this model paints nothing anew");
  if (!loaded.strength && strength !== undefined) throw refuse("strength", "this model starts from noise");
  if (!loaded.lastImage && lastImage !== undefined) {
    const why = loaded.motion
      ? "this model takes no picture for a single frame"
      : "there are no motion modules";
    throw refuse("lastImage", why);
  }
}

function checkTogether(request: Pictures & Pick<Numbers, "frames">): void {
  const { image, lastImage, video, mask, expand, frames } = request;
  if (video !== undefined && (image !== undefined || lastImage !== undefined)) {
    const name = image === undefined ? "lastImage" : "image";
    throw invalid(`${name}: the video has all frames already; give one of the two`);
  }
  if (isMasked(request) && image === undefined && video === undefined) {
    const name = mask === undefined ? "expand" : "mask";
    throw invalid(`${name}: there is nothing that it could leave as it is; give image or video, too`);
  }
  if (lastImage === undefined) return;
  if (isMasked(request)) {
    throw invalid(
      `lastImage: with ${expand === undefined ? "mask" : "expand"} image stands for all frames; leave it out`,
    );
  }
  if (frames < 2) throw invalid("lastImage: a single frame has no last one; give more frames, or image");
}

function checkStrength(request: Pictures & Numbers): void {
  const { strength, image, lastImage, video, steps, frames } = request;
  if (strength === undefined) return;
  if (image === undefined && lastImage === undefined && video === undefined) {
    throw invalid("strength: there is nothing to start from; give image or video, or leave it out");
  }
  const inTime = video === undefined && frames > 1 && !isMasked(request);
  if (inTime && strength !== 1) {
    throw invalid("strength: frames without a picture start from noise; leave it out, or give a video");
  }
  if (Math.floor(steps * strength) >= 1) return;
  const least = Math.ceil(1000 / steps) / 1000;
  throw invalid(
    `strength: ${strength} of ${steps} steps is none; it must be at least ${least}, or steps more`,
  );
}

function checkExpand({ expand, width, height }: CompleteSampleRequest): void {
  if (expand === undefined) return;
  const { left = 0, right = 0, top = 0, bottom = 0 } = expand;
  for (const [sides, length, size] of [
    ["left and right", left + right, width],
    ["top and bottom", top + bottom, height],
  ] as const) {
    if (length < size) continue;
    throw invalid(`expand: ${sides} are ${length} pixels of ${size}, which leave none for what is expanded`);
  }
}
