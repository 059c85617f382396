import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CameoError, Trainer } from "cameo";
import type { TrainingEvent } from "#ts/training/events.js";
import type { Recipe } from "#ts/training/recipe.js";
import { paintClip, writeText } from "../ts/data/helpers.js";
import { writeSmallModel } from "./small_model.js";

/** Clips of 24 frames of 64x64, each a coloured box that moves over white, with captions. */
export async function writeClips(folder: string, count = 4, extension = "webp"): Promise<string> {
  for (let i = 0; i < count; i++) {
    const top = 4 + 10 * i;
    await paintClip(join(folder, `${i}.${extension}`), [24, 64, 64], (frame, x, y) => {
      const inside = y >= top && y < top + 16 && x >= 2 * frame && x < 2 * frame + 16;
      return inside ? [(80 * i) % 256, 120, 250 - 60 * i] : [235, 235, 235];
    });
    writeText(join(folder, `${i}.txt`), `a box, number ${i}, moves`);
  }
  return folder;
}

/** A subject model's recipe on drawn clips, all under build/fixtures; its output is made by `inOutput`. */
export async function writeTrainingSet(name: string): Promise<Recipe> {
  const { base, motion, subject } = writeSmallModel(name);
  const folder = join("build/fixtures", name);
  const source = await writeClips(join(folder, "clips"));
  return {
    kind: "subject",
    model: { base, motion, subject },
    data: { source, frames: 4, stride: 2, size: [64, 64] },
    optimizer: { learningRate: 1e-3 },
    steps: 4,
    device: "cpu",
    output: join(folder, "run"),
  };
}

/** The recipe of the set's VAE, on stills of its clips. */
export function vaeRecipe({ model: { base }, data: { source }, ...set }: Recipe): Recipe {
  return { ...set, kind: "vae", model: { base }, data: { source, size: [64, 64] } };
}

/** Writes the recipe as a file, with absolute paths, and returns its path. */
export function writeRecipe(recipe: Recipe, path: string): string {
  const { model, data } = recipe;
  const absolute = (name: string | undefined) => name && resolve(name);
  const complete = {
    ...recipe,
    model: {
      base: resolve(model.base),
      motion: absolute(model.motion),
      subject: absolute(model.subject),
    },
    data: {
      ...data,
      source: resolve(data.source),
      cache: data.cache && { ...data.cache, folder: resolve(data.cache.folder) },
    },
    output: resolve(recipe.output),
  };
  return writeText(path, JSON.stringify(complete));
}

export interface Ran {
  events: TrainingEvent[];
  /** What the run was ended by. */
  error: CameoError | undefined;
}

/** Runs a recipe to its end, or aborts it once `stopAt` steps are done. */
export async function train(
  recipe: string | Recipe,
  { resume, stopAt }: { resume?: boolean; stopAt?: number } = {},
): Promise<Ran> {
  const events: TrainingEvent[] = [];
  const controller = new AbortController();
  try {
    await using trainer = await Trainer.open(recipe, { resume });
    for await (const event of trainer.run({ signal: controller.signal })) {
      events.push(event);
      if (event.type === "step" && event.step === stopAt) controller.abort();
    }
  } catch (error) {
    if (!(error instanceof CameoError)) throw error;
    return { events, error };
  }
  return { events, error: undefined };
}

/** What a step computed, without how long it took. */
export function computed(events: readonly TrainingEvent[]): object[] {
  return events.flatMap((event) => {
    if (event.type !== "step") return [];
    const { step, epoch, learningRate, gradientNorm, skipped } = event;
    const losses = Object.fromEntries(Object.entries(event).filter(([name]) => name.startsWith("loss")));
    return { step, epoch, ...losses, learningRate, gradientNorm, skipped };
  });
}

/** The types of a run's events, with steps. */
export function outline(events: readonly TrainingEvent[]): string[] {
  return events.map((event) => (event.type === "skip" ? "skip" : `${event.type} ${event.step}`));
}

export function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** The steps in a run's metrics.jsonl, line by line. */
export function recordedSteps(output: string): number[] {
  const lines = readFileSync(join(output, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line).step);
}

/** Paths, relative to the folder, of what interrupted writes leave. */
export function leftovers(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(partial|tmp)$/.test(name),
  );
}

/** The first half of the file is all that is left of it. */
export function cutInHalf(path: string): void {
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, bytes.length / 2));
}
