#!/usr/bin/env node
import { Command, Option } from "commander";
import { number } from "#ts/cli/flags.js";
import { interruptible } from "#ts/cli/interrupt.js";
import { notAllowed } from "#ts/options/check.js";
import { progressBar, runProgram } from "../command.js";
import { drawDataset } from "./dataset.js";
import { type Split, splits } from "./subject.js";

interface Flags {
  clips: number;
  split: Split;
  seed: number;
  size: number;
  frames: number;
  workers: number;
  pairs?: boolean;
}

const limits: Record<Exclude<keyof Flags, "split" | "pairs">, [least: number, most: number]> = {
  clips: [1, 1_000_000],
  seed: [0, 1_000_000],
  size: [32, 2048],
  frames: [1, 64],
  workers: [1, 64],
};

function check(flags: Flags): void {
  for (const [name, [least, most]] of Object.entries(limits)) {
    const value = flags[name as keyof typeof limits];
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw notAllowed(name, value, `a whole number from ${least} to ${most}`);
  }
}

async function draw(folder: string, flags: Flags): Promise<void> {
  check(flags);
  const { clips, workers, split, seed, size, frames, pairs } = flags;
  const bar = progressBar("draw", "clips");
  bar.start(clips, 0);
  try {
    await interruptible((signal) =>
      drawDataset(
        folder,
        { split, seed, size, frames, pairs: pairs === true },
        { clips, workers, signal, onProgress: (done) => bar.update(done) },
      ),
    );
  } finally {
    bar.stop();
  }
  process.stdout.write(`${clips} clips: ${folder}\n`);
}

const program = new Command("world")
  .description(
    "Draw clips of small characters, with their masks and captions, as data to train on.\n" +
      "A second run with the same settings goes on where the first one stopped.",
  )
  .argument("<folder>", "where clips.jsonl, clips/ and masks/ are written to")
  .option("--clips <count>", "how many clips", number, 12_000)
  .addOption(new Option("--split <name>", "which subjects and scenes").choices(splits).default("train"))
  .option("--seed <number>", "draws other clips", number, 0)
  .option("--size <pixels>", "the height and the width", number, 128)
  .option("--frames <count>", "of each clip, at 8 a second", number, 16)
  .option("--pairs", "two subjects to a clip, side by side, twice as wide")
  .option("--workers <count>", "threads that draw", number, 2)
  .action(draw);

await runProgram(program);
