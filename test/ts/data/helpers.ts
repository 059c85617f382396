import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Test } from "tap";
import { type Sample, TrainingData, type TrainingDataOptions } from "#ts/data/index.js";
import { writeVideo } from "#ts/media/index.js";
import type { CompleteDataRecipe } from "#ts/training/complete_types.js";

export type DataRecipe = CompleteDataRecipe;

export const tokenizer = join("test", "fixtures", "tokens");

/** Frame `i` of a test clip is grey of this value, so that a frame says which it is. */
export const greyOf = (i: number): number => 8 * i + 4;

/** Which frame a pixel is of, by its grey. */
export const frameOf = (grey: number | undefined): number => Math.round(((grey ?? 0) - 4) / 8);

type Paint = (frame: number, x: number, y: number) => [red: number, green: number, blue: number];

/** Writes a clip in what the path's extension says; "%d" in it: a folder of frames. */
export async function paintClip(
  path: string,
  [count, width, height]: [count: number, width: number, height: number],
  paint: Paint,
): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  const size = width * height;
  const frames = new Uint8Array(3 * size * count);
  for (let i = 0; i < size * count; i++) {
    frames.set(paint(Math.floor(i / size), i % width, Math.floor(i / width) % height), 3 * i);
  }
  await writeVideo(path, { frames, count, width, height, fps: 8 }, { software: "test", parameters: {} });
  return path;
}

/** Writes a clip of up to 31 grey frames. */
export function writeClip(path: string, count: number, width = 48, height = 32): Promise<string> {
  return paintClip(path, [count, width, height], (frame) => [greyOf(frame), greyOf(frame), greyOf(frame)]);
}

/** Writes the file, and folders on the way. */
export function writeText(path: string, text: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** A folder of `count` WebP clips, each of `frames` frames, with captions beside them. */
export async function clipFolder(folder: string, count: number, frames = 6): Promise<string> {
  for (let i = 0; i < count; i++) {
    await writeClip(join(folder, `clip-${i}.webp`), frames);
    writeText(join(folder, `clip-${i}.txt`), `Clip number ${i}.`);
  }
  return folder;
}

export function recipe(source: string, changes: Partial<DataRecipe> = {}): DataRecipe {
  return {
    source,
    layout: "auto",
    caption: "a video of {class}",
    frames: 4,
    stride: 1,
    size: [[32, 32]],
    fit: "crop",
    cropPosition: "random",
    start: "random",
    workers: 1,
    prefetch: 4,
    ...changes,
  };
}

export const reference: NonNullable<DataRecipe["references"]> = {
  count: 1,
  candidates: 4,
  highlight: true,
  flip: 0,
  affine: false,
};

export interface Opened {
  data: TrainingData;
  /** What was left out, as "clip: reason". */
  skips: { clip: string; code: string; message: string }[];
}

export async function openData(
  t: Test,
  data: DataRecipe,
  options: Partial<TrainingDataOptions> = {},
): Promise<Opened> {
  const skips: Opened["skips"] = [];
  const opened = await TrainingData.open(data, {
    kind: data.references ? "subject" : "motion",
    tokenizer,
    textPositions: 16,
    latentStride: 8,
    latentTimeStride: 1,
    latentChannels: 4,
    seed: 7,
    batch: 1,
    cacheKey: "vae",
    onSkip: (clip, { code, message }) => skips.push({ clip, code, message }),
    ...options,
  });
  t.teardown(() => opened.close());
  return { data: opened, skips };
}

/** The first `count` micro-batches, one after the other. */
export async function take(data: TrainingData, count: number, first = 0, stride = 1): Promise<Sample[]> {
  const samples: Sample[] = [];
  let taken = 0;
  for await (const batch of data.batches({ first, stride })) {
    samples.push(...batch);
    if (++taken === count) break;
  }
  return samples;
}

/** The samples of a data set that is opened for them alone. */
export async function samplesOf(
  t: Test,
  data: DataRecipe,
  count: number,
  options: Partial<TrainingDataOptions> = {},
): Promise<Sample[]> {
  const opened = await openData(t, data, options);
  const samples = await take(opened.data, count);
  await opened.data.close();
  return samples;
}

/** A sample's every byte in one line. */
export function digest({ position, clip, caption, ids, frames, references }: Sample): string {
  const hash = createHash("sha256").update(ids);
  for (const images of [frames, references]) hash.update(images ?? "none");
  return `${position} ${clip} ${caption} ${hash.digest("hex")}`;
}

/** RGB of a pixel. */
export function pixel(image: Uint8Array | undefined, width: number, x: number, y: number): number[] {
  const at = 3 * (y * width + x);
  return Array.from(image?.subarray(at, at + 3) ?? []);
}
