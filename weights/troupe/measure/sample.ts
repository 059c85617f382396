#!/usr/bin/env node
// Makes the films that evaluate.py judges.
import { Pipeline, type SampleRequest, type Video } from "cameo";
import { Command, Option } from "commander";
import sharp from "sharp";
import { number } from "#ts/cli/flags.js";
import { interruptible } from "#ts/cli/interrupt.js";
import { defined } from "#ts/options/defined.js";
import { progressBar, runProgram } from "../command.js";
import {
  type Case,
  casesOf,
  cut,
  drawnFilms,
  frames,
  mirroredReferenceOf,
  pairsOf,
  referenceOf,
  size,
} from "./cases.js";
import { FilmFolder } from "./film_folder.js";

interface Flags {
  cases: number;
  split: "validation" | "test";
  base?: string;
  motion?: string;
  subject?: string;
  guidance?: number;
  imageGuidance?: number;
  steps: number;
  drawn?: boolean;
  pairs?: boolean;
  regions: boolean;
  frames: number;
  size: number;
  window?: number;
  references: number;
  shift?: number;
  lora?: string;
}

/** Of a film as it is judged: as many as the probes take, or where that doesn't divide them all of its frames. */
const judgedFrames = (all: number) => (all % frames === 0 ? frames : all);

/** A film of a case, or of two side by side, by squares and by 16 frames: all of the first case's first. */
type Film = (cases: Case[], signal: AbortSignal) => Promise<Uint8Array[]>;

/** Samples each case that the folder doesn't have yet. */
async function makeFilms(path: string, flags: Flags, film: Film, signal: AbortSignal): Promise<void> {
  const folder = await FilmFolder.open(path);
  const { split, cases, pairs } = flags;
  const all: Case[][] = pairs ? pairsOf(split, cases) : casesOf(split, cases).map((one) => [one]);
  const bar = progressBar("sample", "films");
  const parts = flags.drawn ? 1 : flags.frames / judgedFrames(flags.frames);
  const done = Math.floor(folder.films / (parts * (pairs ? 2 : 1)));
  bar.start(cases, done);
  try {
    for (const shown of all.slice(done)) {
      const films = await film(shown, signal);
      await folder.add(films.map((pixels, i) => ({ of: shown[Math.floor(i / parts)] as Case, pixels })));
      bar.increment();
    }
  } finally {
    bar.stop();
  }
}

async function sample(folder: string, flags: Flags): Promise<void> {
  await interruptible(async (signal) => {
    if (flags.drawn) return makeFilms(folder, flags, async (cases) => drawnFilms(cases), signal);
    const { base, motion, subject, lora, steps, shift, frames: length } = flags;
    const scales = { guidanceScale: flags.guidance, imageGuidanceScale: flags.imageGuidance };
    await using pipe = await Pipeline.load({ ...defined({ base, motion, subject, lora }), signal });
    const { subject: takesReference } = pipe.describe();
    const film: Film = async (cases) => {
      const [{ clip, index }] = cases as [Case];
      const request = { prompt: clip.caption, seed: index, frames: length, negativePrompt: "", signal };
      const shape = { width: flags.size * cases.length, height: flags.size, fit: "contain" as const, steps };
      const shown = takesReference ? referencesOf(cases, flags) : {};
      const chosen = defined({ ...scales, shift, context: contextOf(flags) });
      const film = await pipe.sample({ ...request, ...shape, ...shown, ...chosen });
      return cut(await ofProbesSize(film), cases.length, judgedFrames(length));
    };
    await makeFilms(folder, flags, film, signal);
  });
}

/** Windows, where a film has more frames than one. */
function contextOf({ frames: all, window = frames }: Flags) {
  return all > window ? { length: window, overlap: Math.floor(window / 4) } : undefined;
}

/** A film's pixels, as large as the probes take them. */
async function ofProbesSize({ frames: pixels, width, height }: Video): Promise<Uint8Array> {
  if (height === size) return pixels;
  const raw = { width, height, channels: 3 as const };
  const bytes = 3 * width * height;
  const all = Array.from({ length: pixels.length / bytes }, (_, i) =>
    sharp(pixels.subarray(i * bytes, (i + 1) * bytes), { raw })
      .resize((width * size) / height, size)
      .raw()
      .toBuffer(),
  );
  return Buffer.concat(await Promise.all(all));
}

/** Of a pair each has its half of the picture and its own words, or, without regions, all of it listens to both. */
function referencesOf(
  cases: Case[],
  { regions, references }: Flags,
): Pick<SampleRequest, "reference" | "subjects"> {
  if (cases.length === 1 || !regions) {
    const pictures = [referenceOf, mirroredReferenceOf].slice(0, references);
    return { reference: cases.flatMap((one) => pictures.map((picture) => picture(one))) };
  }
  const share = 1 / cases.length;
  return {
    subjects: cases.map((one, i) => ({
      reference: referenceOf(one),
      region: { x: i * share, y: 0, width: share, height: 1 },
      words: one.clip.caption,
    })),
  };
}

const program = new Command("measure")
  .description("make films of held-out subjects, for evaluate.py; a second run goes on where it stopped")
  .argument("<folder>", "where to")
  .option("--cases <n>", "how many", number, 200)
  .addOption(new Option("--split <name>", "of subjects").choices(["validation", "test"]).default("test"))
  .option("--base <path>", "image model (default: the model that ships)")
  .option("--motion <path>", "motion modules")
  .option("--subject <path>", "subject model; without it, where a base is named, no reference is given")
  .option("--lora <path>", "adapters")
  .option(
    "--frames <n>",
    "of a film; judged by 16 where that divides them, else all together, without the action",
    number,
    frames,
  )
  .option("--window <n>", "frames of a window, of films of more than those", number, frames)
  .option("--size <n>", "pixels of a film's side; probes see it enlarged to 128", number, size)
  .option(
    "--references <n>",
    "pictures of a subject, 1 or 2: the second is the first one mirrored",
    number,
    1,
  )
  .option("--shift <x>", "the sampler's shift of noise levels (default: the model's)", number)
  .option("--guidance <x>", "guidance scale (default: the model's)", number)
  .option("--image-guidance <x>", "guidance scale of the references, where the model has one", number)
  .option("--steps <n>", "denoising steps", number, 30)
  .option("--pairs", "two subjects in one film, side by side; a film is then two, the halves")
  .option("--no-regions", "with --pairs: both sides listen to both references")
  .option("--drawn", "the world's own films of the same cases: what no model can be better than")
  .action(sample);

await runProgram(program);
