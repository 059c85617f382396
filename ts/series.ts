import { z } from "zod";
import { checkOptions, invalid, option } from "./options/check.js";
import { randomSeed } from "./options/defaults.js";
import type {
  EditRequest,
  ImageToVideoRequest,
  SampleProgress,
  SampleRequest,
} from "./options/sample_options.js";

/** What `pipe.samples` takes: a request, and the seeds of its videos. */
export type SamplesRequest = (
  | Omit<SampleRequest, "seed" | "saveLatents" | "onProgress">
  | Omit<EditRequest, "seed" | "saveLatents" | "onProgress">
  | Omit<ImageToVideoRequest, "seed" | "saveLatents" | "onProgress">
) & {
  /** The seeds, 1 to 1000 of them, each as `SampleRequest.seed`; or how many, which are then drawn at random. */
  seeds: number | readonly number[];
  /** Called after each step of each video; what it throws, the iteration throws. */
  onProgress?: ((progress: SamplesProgress) => void) | undefined;
};

/** How far several samplings are. */
export interface SamplesProgress extends SampleProgress {
  /** Which of the videos it is, counted from 0. */
  video: number;
  /** How many there are. */
  videos: number;
  /** Until the last one is there. */
  etaSeconds?: number;
}

/** Several videos of one request. */
export interface Series {
  /** Without what is of one video. */
  request: Omit<SampleRequest, "seed" | "saveLatents" | "onProgress">;
  seeds: readonly number[];
  /** What hears of the progress of one of them. */
  listener(video: number): SampleRequest["onProgress"];
}

const mostSeeds = 1000;
const seed = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const schema = z.looseObject({
  seeds: option(
    z.union([z.int().min(1).max(mostSeeds), z.array(seed).min(1).max(mostSeeds)]),
    `an array of 1 to ${mostSeeds} seeds, whole numbers from 0, or how many`,
  ),
});

/** Checks what is of all videos; the request itself is checked as each one's is. */
export function readSeries(given: SamplesRequest): Series {
  const { seeds } = checkOptions(schema, given);
  const { seeds: _, onProgress, ...request } = given;
  const { seed, saveLatents } = request as Partial<SampleRequest>;
  if (seed !== undefined) throw invalid("seed: seeds has those of all videos; leave one of the two out");
  if (saveLatents !== undefined)
    throw invalid("saveLatents: it is one video's file; leave it out, or sample the seeds one by one");
  const all = typeof seeds === "number" ? Array.from({ length: seeds }, randomSeed) : [...seeds];
  return {
    request: request as Series["request"],
    seeds: all,
    listener: (video) => onProgress && withVideo(onProgress, video, all.length),
  };
}

/** What is left is this video, and those after it, which take as long as this one. */
export function withVideo(
  onProgress: (progress: SamplesProgress) => void,
  video: number,
  videos: number,
): (progress: SampleProgress) => void {
  let start: number | undefined;
  return ({ etaSeconds, ...progress }) => {
    const now = performance.now();
    start ??= now;
    const whole = (now - start) / 1000 + (etaSeconds ?? 0);
    const left = etaSeconds === undefined ? {} : { etaSeconds: etaSeconds + (videos - 1 - video) * whole };
    onProgress({ ...progress, ...left, video, videos });
  };
}
