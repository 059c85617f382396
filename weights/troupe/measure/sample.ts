#!/usr/bin/env node
// Makes the films that evaluate.py judges.
import { Pipeline, type SampleRequest } from "cameo";
import { Command, Option } from "commander";
import { number } from "#ts/cli/flags.js";
import { interruptible } from "#ts/cli/interrupt.js";
import { defined } from "#ts/options/defined.js";
import { progressBar, runProgram } from "../command.js";
import { type Case, casesOf, cut, drawnFilms, frames, pairsOf, referenceOf, size } from "./cases.js";
import { FilmFolder } from "./film_folder.js";

interface Flags {
  cases: number;
  split: "validation" | "test";
  base?: string;
  motion?: string;
  subject?: string;
  guidance?: number;
  steps: number;
  drawn?: boolean;
  pairs?: boolean;
  regions: boolean;
  frames: number;
  lora?: string;
}

/** A film of a case, or of two side by side, by squares and by 16 frames: all of the first case's first. */
type Film = (cases: Case[], signal: AbortSignal) => Promise<Uint8Array[]>;

/** Samples each case that the folder doesn't have yet. */
async function makeFilms(path: string, flags: Flags, film: Film, signal: AbortSignal): Promise<void> {
  const folder = await FilmFolder.open(path);
  const { split, cases, pairs } = flags;
  const all: Case[][] = pairs ? pairsOf(split, cases) : casesOf(split, cases).map((one) => [one]);
  const bar = progressBar("sample", "films");
  const parts = flags.drawn ? 1 : flags.frames / frames;
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
    const { base, motion, subject, lora, guidance: guidanceScale, steps } = flags;
    await using pipe = await Pipeline.load({ ...defined({ base, motion, subject, lora }), signal });
    const { subject: takesReference } = pipe.describe();
    const film: Film = async (cases) => {
      const [{ clip, index }] = cases as [Case];
      const request = { prompt: clip.caption, seed: index, frames: flags.frames, negativePrompt: "", signal };
      const shape = { width: size * cases.length, height: size, fit: "contain" as const, steps };
      const context = flags.frames > frames ? { length: frames, overlap: frames / 4 } : undefined;
      const shown = takesReference ? referencesOf(cases, flags.regions) : {};
      const all = { ...request, ...shape, ...shown, ...defined({ guidanceScale, context }) };
      return cut((await pipe.sample(all)).frames, cases.length);
    };
    await makeFilms(folder, flags, film, signal);
  });
}

/** Of a pair each has its half of the picture and its own words, or, without regions, all of it listens to both. */
function referencesOf(cases: Case[], regions: boolean): Pick<SampleRequest, "reference" | "subjects"> {
  if (cases.length === 1 || !regions) return { reference: cases.map(referenceOf) };
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
    "a multiple of 16; beyond it by windows of 16 frames, and judged by 16",
    number,
    frames,
  )
  .option("--guidance <x>", "guidance scale (default: the model's)", number)
  .option("--steps <n>", "denoising steps", number, 30)
  .option("--pairs", "two subjects in one film, side by side; a film is then two, the halves")
  .option("--no-regions", "with --pairs: both sides listen to both references")
  .option("--drawn", "the world's own films of the same cases: what no model can be better than")
  .action(sample);

await runProgram(program);
