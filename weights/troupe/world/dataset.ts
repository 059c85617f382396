import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { CameoError } from "#ts/errors.js";
import { fileReason } from "#ts/media/files.js";
import { describedCaption } from "./captions.js";
import { type Clip, clipFromSeed, pairFromSeed } from "./clip.js";
import { ClipPainter, drawReference } from "./picture.js";
import { encodePng } from "./png.js";
import type { Split } from "./subject.js";

export interface DatasetSettings {
  split: Split;
  seed: number;
  /** Pixels of a side. */
  size: number;
  frames: number;
  /** Two subjects to a clip, side by side: twice as wide. */
  pairs?: boolean;
}

/** What a worker is told first. */
export interface WorkerTask extends DatasetSettings {
  folder: string;
}

export interface DrawDatasetOptions {
  clips: number;
  workers: number;
  signal?: AbortSignal;
  /** After each clip. */
  onProgress?: (done: number, total: number) => void;
}

/** One in so many captions of `described.jsonl` is as in `clips.jsonl`. */
const everyPlain = 3;

/** Room for a million clips between the seeds of two data sets. */
const clipsPerSeed = 1_000_000;

/** One clip, or the two that are drawn as one. */
export function clipsOf({ seed, split, pairs }: DatasetSettings, index: number): [Clip, ...Clip[]] {
  const of = seed * clipsPerSeed + index;
  return pairs ? pairFromSeed(of, split) : [clipFromSeed(of, split)];
}

/** Of a clip's subjects, by their place in it: the second has names of its own. */
const placed = (name: string, place: number) => (place === 0 ? name : `${name}-${place + 1}`);

/** A clip's folder below `clips` and `masks`: at most 10,000 to a folder. */
export function nameOf(index: number): string {
  const digits = String(index).padStart(6, "0");
  return `${digits.slice(0, 2)}/${digits}`;
}

/**
 * Draws clips, their masks and their subjects on white as pictures into a folder, with the list `clips.jsonl` of those that
 * are complete, `described.jsonl`, whose captions tell of the subject's looks, and `stills.jsonl`, which has the pictures
 * of subjects beside the clips. What is there already stays. Rejects with ERR_DATASET where the folder holds another data set or can't be written to, and
 * with ERR_ABORTED where the signal ended it; the list is right then, too.
 */
export async function drawDataset(
  folder: string,
  settings: DatasetSettings,
  options: DrawDatasetOptions,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await claim(folder, settings);
    try {
      await drawMissing({ folder, ...settings }, options);
    } finally {
      await writeList(folder, settings, options.clips);
    }
  } catch (error) {
    if (error instanceof CameoError) throw error;
    throw new CameoError("ERR_DATASET", `${folder}: it can't be written: ${fileReason(error)}`, {
      cause: error,
    });
  }
  if (options.signal?.aborted) {
    throw new CameoError("ERR_ABORTED", "the operation was aborted", { cause: options.signal.reason });
  }
}

/** Notes the settings in the folder, or checks that they are what it was begun with. */
async function claim(folder: string, settings: DatasetSettings): Promise<void> {
  const path = join(folder, "settings.json");
  const { split, seed, size, frames, pairs } = settings;
  const text = `${JSON.stringify({ split, seed, size, frames, ...(pairs ? { pairs } : {}) })}\n`;
  if (!existsSync(path)) {
    await replaceFile(path, text);
    return;
  }
  const begun = await readFile(path, "utf8");
  if (begun === text) return;
  throw new CameoError(
    "ERR_DATASET",
    `${folder} was begun with ${begun.trim()}; go on with the same settings, or name another folder`,
  );
}

async function drawMissing(
  task: WorkerTask,
  { clips, workers, signal, onProgress }: DrawDatasetOptions,
): Promise<void> {
  const missing = Array.from({ length: clips }, (_, i) => i).filter((i) => !isComplete(task.folder, i));
  let done = clips - missing.length;
  onProgress?.(done, clips);
  const rest = missing.values();
  let failed = false;
  const next = () => (failed || signal?.aborted ? undefined : rest.next().value);
  const threads = Array.from({ length: Math.min(workers, missing.length) }, () =>
    drawInThread(task, next, () => onProgress?.(++done, clips)).catch((error) => {
      failed = true;
      throw error;
    }),
  );
  // All of them have to end, also where one failed: the list is written after that.
  const ends = await Promise.allSettled(threads);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** A thread that is given one clip after another until there are no more. */
async function drawInThread(
  task: WorkerTask,
  next: () => number | undefined,
  onDone: () => void,
): Promise<void> {
  const thread = new Worker(new URL("./dataset_worker.js", import.meta.url), { workerData: task });
  try {
    for (let index = next(); index !== undefined; index = next()) {
      thread.postMessage(index);
      await once(thread, "message");
      onDone();
    }
  } finally {
    await thread.terminate();
  }
}

const referenceName = (index: number, place = 0) => `references/${placed(nameOf(index), place)}.png`;
const hasClip = (folder: string, index: number) => existsSync(join(folder, "clips", nameOf(index)));
const isComplete = (folder: string, index: number) =>
  hasClip(folder, index) && existsSync(join(folder, referenceName(index)));

/** Draws what is missing of a clip and its reference. */
export async function writeClip(task: WorkerTask, index: number): Promise<void> {
  const clips = clipsOf(task, index);
  if (!hasClip(task.folder, index)) await writeFrames(task, clips, index);
  const { folder, size } = task;
  // The first one last: with it the clip is complete.
  for (const [place, { subject }] of [...clips.entries()].reverse()) {
    const reference = encodePng(drawReference(subject, { size }), size, size, 3);
    await replaceFile(join(folder, referenceName(index, place)), reference);
  }
}

/** Draws a clip's masks, then its frames: the folder of these is there only when all is. */
async function writeFrames(
  { folder, size, frames }: WorkerTask,
  clips: [Clip, ...Clip[]],
  index: number,
): Promise<void> {
  const painter = new ClipPainter(clips, size);
  const width = clips.length * size;
  const masksOf = clips.map((_, place) => join("masks", placed(nameOf(index), place)));
  const ends = [...masksOf, join("clips", nameOf(index))].map((end) => join(folder, end));
  const parts = ends.map((end) => `${end}.part`);
  for (const part of parts) {
    await rm(part, { recursive: true, force: true });
    await mkdir(part, { recursive: true });
  }
  for (let frame = 0; frame < frames; frame++) {
    const { rgb, masks } = painter.paint(frame);
    const pictures = [
      ...masks.map((mask) => encodePng(mask, width, size, 1)),
      encodePng(rgb, width, size, 3),
    ];
    const name = `${String(frame).padStart(2, "0")}.png`;
    for (const [i, part] of parts.entries()) await writeFile(join(part, name), pictures[i] as Buffer);
  }
  for (const [i, end] of ends.entries()) {
    await rm(end, { recursive: true, force: true });
    await rename(parts[i] as string, end);
  }
}

async function writeList(folder: string, settings: DatasetSettings, clips: number): Promise<void> {
  const rows = Array.from({ length: clips }, (_, i) => i)
    .filter((i) => isComplete(folder, i))
    .map((i) => ({ clips: clipsOf(settings, i), name: nameOf(i) }))
    .map(({ clips, name }) => ({ row: rowOf(clips, name), subject: clips[0].subject }));
  const described = rows.map(({ row, subject }, i) => {
    return i % everyPlain === 0 ? row : { ...row, caption: describedCaption(row.caption, subject) };
  });
  const write = (name: string, list: object[]) =>
    replaceFile(join(folder, name), list.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await write(
    "clips.jsonl",
    rows.map(({ row }) => row),
  );
  await write("described.jsonl", described);
  const stills = rows.flatMap(({ row }) => {
    const { path, mask, ...rest } = row;
    return [row, { path: `${path.replace("clips", "references")}.png`, ...rest }];
  });
  await write("stills.jsonl", stills);
}

/** A line of the list: what a trainer reads, and what else there is to know of a clip. */
function rowOf(clips: [Clip, ...Clip[]], name: string) {
  const { action, place, light, camera, split, seed, subject } = clips[0];
  const { plan, colour, pattern, second, ears, tail, accessory } = subject;
  const subjects = clips.map((clip, i) => ({
    mask: `masks/${placed(name, i)}`,
    words: clip.caption,
    action: clip.action,
    subject: clip.subject.seed,
  }));
  return {
    path: `clips/${name}`,
    caption: clips.map(({ caption }) => caption).join(" and "),
    mask: `masks/${name}`,
    ...(clips.length > 1 ? { subjects } : {}),
    action,
    place,
    light,
    camera,
    plan,
    colour,
    pattern,
    second,
    ears,
    tail,
    accessory,
    split,
    seed,
    subject: subject.seed,
  };
}

async function replaceFile(path: string, text: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, text);
  await rename(`${path}.part`, path);
}
