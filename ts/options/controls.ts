import { z } from "zod";
import type { ImageSource } from "../media/index.js";
import { invalid, option } from "./check.js";
import type { Control, SampleRequest } from "./sample_request.js";

/** Canny's thresholds where a control says none, as in OpenCV's examples. */
const edges = { low: 100, high: 200 };
/** Of two slopes of grey levels by Sobel's kernels, the sum. */
const steepest = 2040;

/** A number within bounds, or nothing. */
const number = (most: number) => option(z.number().min(0).max(most).optional(), `a number from 0 to ${most}`);

/** The schema of the option `controls`, of frames with this one, in words. */
export function controlsSchema(frames: z.ZodType, framesAllowed: string, most: number): z.ZodType {
  const control = z
    .strictObject({
      frames: option(frames, framesAllowed),
      scale: number(10),
      from: number(1),
      to: number(1),
      guess: option(z.boolean().optional(), "true or false"),
      compute: option(z.enum(["canny"]).optional(), '"canny"'),
      low: number(steepest),
      high: number(steepest),
    })
    .refine(({ from = 0, to = 1 }) => from < to);
  return z.array(option(control, "a control of which from is less than to")).max(most);
}

export const controlsAllowed = (most: number) =>
  `an array of at most ${most} {frames, scale, from, to, guess, compute, low, high}: scale from 0 to 10, from and to from 0 to 1 ` +
  `in rising order, compute "canny"`;

/** The schema of the option `keyframes`, of pictures with this one. */
export function keyframesSchema(picture: z.ZodType, most: number): z.ZodType {
  return z
    .record(z.string().regex(/^(0|[1-9]\d*)$/), picture)
    .refine((frames) => Object.keys(frames).length <= most);
}

export const keyframesAllowed = (most: number) =>
  `an object of at most ${most} pictures by their frames, counted from 0, as { 0: "first.png", 15: "last.png" }`;

/** As `video.request` has them; `asText` is for the frames. */
export function completedControls(
  controls: readonly Control[] | undefined,
  asText: (frames: Control["frames"]) => Control["frames"],
): Control[] | undefined {
  return controls?.map(({ frames, compute, low, high, ...control }) => ({
    frames: asText(frames),
    ...{ scale: 1, from: 0, to: 1, guess: false },
    ...control,
    ...(compute && { compute, low: low ?? edges.low, high: high ?? edges.high }),
  }));
}

/** As the native half takes them, beside their pictures. */
export function nativeControls(controls: readonly Control[]): unknown {
  return controls.map(({ frames, ...control }) => ({ ...edges, ...control }));
}

type Frames = NonNullable<SampleRequest["keyframes"]>;

export function keyframeNumbers(keyframes: Frames | undefined): number[] {
  return Object.keys(keyframes ?? {}).map(Number);
}

export function keyframePictures(keyframes: Frames | undefined): [frame: number, picture: ImageSource][] {
  return Object.entries(keyframes ?? {}).map(([frame, picture]) => [Number(frame), picture]);
}

interface Networks {
  /** How many ControlNets are loaded, which need frames. */
  controls: number;
  /** Whether SparseCtrl is, which needs keyframes. */
  keyframes: boolean;
}

type Given = Pick<SampleRequest, "controls" | "keyframes" | "structure" | "temporalGuidance">;

/** Throws ERR_INVALID_OPTION where controls and keyframes don't go with the networks that are loaded, or with the frames. */
export function checkControls(given: Given, loaded: Networks, frames: number): void {
  const count = given.controls?.length ?? 0;
  if (count > loaded.controls) {
    throw invalid(
      loaded.controls === 0
        ? "controls: no ControlNet is loaded for them; load one with the option controls of Pipeline.load (--control-model)"
        : `controls: ${count} are given for the ${loaded.controls} ControlNets that are loaded`,
    );
  }
  if (count < loaded.controls) {
    const given = count === 0 ? "controls is missing" : `controls: only ${count} given`;
    throw invalid(
      `${given}: ${loaded.controls === 1 ? "a ControlNet is" : `${loaded.controls} ControlNets are`} loaded, each of which needs frames`,
    );
  }
  const keyframes = keyframeNumbers(given.keyframes);
  if (loaded.keyframes && keyframes.length === 0) {
    throw invalid(
      "keyframes is missing: a SparseCtrl network is loaded, which needs a picture of at least one frame",
    );
  }
  if (!loaded.keyframes && keyframes.length > 0) {
    throw invalid(
      "keyframes: no SparseCtrl network is loaded for them; load one with the option controls of Pipeline.load (--control-model)",
    );
  }
  checkKeyframes(keyframes, frames);
}

/** Throws ERR_INVALID_OPTION for frames that the film hasn't got. */
export function checkKeyframes(keyframes: readonly number[], frames: number): void {
  const beyond = keyframes.find((frame) => frame >= frames);
  if (beyond === undefined) return;
  const known = frames === 1 ? "only frame 0" : `the frames 0 to ${frames - 1}`;
  throw invalid(`keyframes: there is no frame ${beyond}; the film has ${known}`);
}
