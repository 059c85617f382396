#!/usr/bin/env node
// The paper's ablation on the model that ships: trains every variant for as many steps, makes films of held-out subjects
// with each, and judges them.
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Recipe } from "cameo";
import { Command } from "commander";
import { number } from "#ts/cli/flags.js";
import { CameoError } from "#ts/errors.js";
import { exists } from "#ts/media/files.js";
import { runProgram } from "../command.js";
import { type Variant, variants } from "./variants.js";

interface Flags {
  data: string;
  probes: string;
  base: string;
  motion: string;
  steps: number;
  films: number;
  seeds: number;
  python: string;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const root = here("../../../../");
const cli = join(root, "dist", "cli", "main.js");
const measure = here("../measure/sample.js");
const evaluate = join(root, "weights", "troupe", "measure", "evaluate.py");

/** Rejects where the program fails; what it prints is printed. */
async function run(program: string, args: string[]): Promise<void> {
  const child = spawn(program, args, { stdio: "inherit" });
  const [code, signal] = await new Promise<[number | null, string | null]>((settle, fail) => {
    child.on("error", fail).on("close", (...end) => settle(end));
  });
  if (code === 130) throw new CameoError("ERR_ABORTED", "interrupted; run again to go on");
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${signal ?? code}`);
}

function recipeOf(variant: Variant, seed: number, output: string, flags: Flags): Recipe {
  const { name, paper, referenceCrossAttention, references, ...rest } = variant;
  return {
    kind: "subject",
    model: { base: flags.base, motion: flags.motion, referenceCrossAttention },
    // Short clips of several subjects rather than one whole one: subjects are what is to be told apart.
    data: {
      source: join(flags.data, "clips.jsonl"),
      size: [128, 128],
      frames: 4,
      stride: 4,
      references,
      workers: 1,
    },
    batch: 4,
    ...rest,
    optimizer: { learningRate: 3e-4, warmup: 50 },
    steps: flags.steps,
    ema: 0.995,
    seed,
    checkpoints: { every: 250, keep: 1 },
    output,
  };
}

/** The path of the variant's model, trained now unless it is there. */
async function train(variant: Variant, seed: number, folder: string, flags: Flags): Promise<string> {
  const output = join(folder, `${variant.name}-${seed}`);
  const model = join(output, "model", "subject.safetensors");
  if (await exists(model)) return model;
  const path = `${output}.json`;
  await writeFile(path, `${JSON.stringify(recipeOf(variant, seed, output, flags), null, 2)}\n`);
  await run(process.execPath, [cli, "train", path, "--resume"]);
  return model;
}

async function ablate(folder: string, given: Flags): Promise<void> {
  const paths = { data: given.data, base: given.base, motion: given.motion, probes: given.probes };
  const absolute = Object.entries(paths).map(([name, path]) => [name, resolve(path)]);
  const flags: Flags = { ...given, ...Object.fromEntries(absolute) };
  await mkdir(folder, { recursive: true });
  const films = (name: string) => join(folder, "films", name);
  const sample = (name: string, ...args: string[]) =>
    run(process.execPath, [measure, films(name), "--cases", String(flags.films), ...args]);
  const networks = ["--base", flags.base, "--motion", flags.motion];

  await sample("drawn", "--drawn");
  await sample("base", ...networks, "--guidance", "3");
  const folders = ["drawn", "base"];
  for (let seed = 0; seed < flags.seeds; ++seed) {
    for (const variant of variants) {
      const subject = await train(variant, seed, folder, flags);
      const name = `${variant.name}-${seed}`;
      await sample(name, ...networks, "--subject", subject, "--guidance", "3");
      folders.push(name);
    }
  }
  const report = ["--json", join(folder, "report.json")];
  await run(flags.python, [evaluate, flags.probes, ...folders.map(films), ...report]);
}

const troupe = join(root, "weights", "troupe");
const program = new Command("ablation")
  .description("train, sample and judge every variant; a second run goes on where it stopped")
  .argument("<folder>", "where to")
  .requiredOption("--data <folder>", "drawn clips to train on")
  .option("--probes <file>", "what judges", join(troupe, "measure", "probes.safetensors"))
  .option("--base <path>", "the image model that all start from", join(troupe, "base"))
  .option("--motion <path>", "the motion modules that all start from", join(troupe, "motion"))
  .option("--steps <n>", "training steps of each", number, 1500)
  .option("--films <n>", "films of each", number, 60)
  .option("--seeds <n>", "runs of each", number, 1)
  .option("--python <program>", "with torch, numpy, pillow and safetensors", "python3")
  .action(ablate);

await runProgram(program);
