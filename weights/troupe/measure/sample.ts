#!/usr/bin/env node
// Makes the films that evaluate.py judges.
import { Pipeline } from "cameo";
import { Command, Option } from "commander";
import { number } from "#ts/cli/flags.js";
import { interruptible } from "#ts/cli/interrupt.js";
import { defined } from "#ts/options/defined.js";
import { progressBar, runProgram } from "../command.js";
import { type Case, casesOf, drawnFilm, frames, referenceOf, size } from "./cases.js";
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
}

type Film = (one: Case, signal: AbortSignal) => Promise<Uint8Array>;

/** Samples each case that the folder doesn't have yet. */
async function makeFilms(path: string, flags: Flags, film: Film, signal: AbortSignal): Promise<void> {
  const folder = await FilmFolder.open(path);
  const bar = progressBar("sample", "films");
  bar.start(flags.cases, folder.films);
  try {
    for (const one of casesOf(flags.split, flags.cases).slice(folder.films)) {
      await folder.add(one, await film(one, signal));
      bar.increment();
    }
  } finally {
    bar.stop();
  }
}

async function sample(folder: string, flags: Flags): Promise<void> {
  await interruptible(async (signal) => {
    if (flags.drawn) return makeFilms(folder, flags, async (one) => drawnFilm(one), signal);
    const { base, motion, subject, guidance: guidanceScale, steps } = flags;
    await using pipe = await Pipeline.load({ ...defined({ base, motion, subject }), signal });
    const { subject: takesReference } = pipe.describe();
    const shared = { frames, width: size, height: size, steps, negativePrompt: "", signal };
    const film: Film = async (one) => {
      const reference = takesReference ? referenceOf(one) : undefined;
      const request = { ...shared, prompt: one.clip.caption, seed: one.index };
      return (await pipe.sample({ ...request, ...defined({ reference, guidanceScale }) })).frames;
    };
    await makeFilms(folder, flags, film, signal);
  });
}

const program = new Command("measure")
  .description("make films of held-out subjects, for evaluate.py; a second run goes on where it stopped")
  .argument("<folder>", "where to")
  .option("--cases <n>", "how many", number, 200)
  .addOption(new Option("--split <name>", "of subjects").choices(["validation", "test"]).default("test"))
  .option("--base <path>", "image model (default: the model that ships)")
  .option("--motion <path>", "motion modules")
  .option("--subject <path>", "subject model; without it, where a base is named, no reference is given")
  .option("--guidance <x>", "guidance scale (default: the model's)", number)
  .option("--steps <n>", "denoising steps", number, 30)
  .option("--drawn", "the world's own films of the same cases: what no model can be better than")
  .action(sample);

await runProgram(program);
