#!/usr/bin/env node
// The paper's ablation on the model that ships: trains every variant for as many steps, makes films of held-out subjects
// with each, and judges them.
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Recipe } from "cameo";
import { Command } from "commander";
import { number } from "#ts/cli/flags.js";
import { CameoError } from "#ts/errors.js";
import { exists } from "#ts/media/files.js";
import { runProgram } from "../command.js";
import { imageRecipe, motionRecipe, type Networks, variantRecipe } from "./recipes.js";
import { ablationTable } from "./table.js";
import { variants } from "./variants.js";

interface Flags {
  data: string;
  probes: string;
  base: string;
  baseSteps: number;
  steps: number;
  films: number;
  filmSteps: number;
  seeds: number;
  python: string;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const root = here("../../../../");
const cli = join(root, "dist", "cli", "main.js");
const measure = here("../measure/sample.js");
const troupe = join(root, "weights", "troupe");
const ablation = join(troupe, "ablation");
const evaluate = join(troupe, "measure", "evaluate.py");

/** Rejects where the program fails; what it prints is printed. */
async function run(program: string, args: string[]): Promise<void> {
  const child = spawn(program, args, { stdio: "inherit" });
  const [code, signal] = await new Promise<[number | null, string | null]>((settle, fail) => {
    child.on("error", fail).on("close", (...end) => settle(end));
  });
  if (code === 130) throw new CameoError("ERR_ABORTED", "interrupted; run again to go on");
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${signal ?? code}`);
}

/** Trains the recipe, or what is left of it; not where the run's model is there. */
async function train(recipe: Recipe, model: string): Promise<string> {
  const trained = join(recipe.output, "model", model);
  if (await exists(trained)) return trained;
  const path = `${recipe.output}.json`;
  await writeFile(path, `${JSON.stringify(recipe, null, 2)}\n`);
  await run(process.execPath, [cli, "train", path, "--resume"]);
  return trained;
}

/** Networks that have never seen a reference: the model that ships, what reads references drawn anew and trained without. */
async function prepareBase(folder: string, { python, base, data, baseSteps }: Flags): Promise<Networks> {
  const drawn = join(folder, "drawn-attention");
  if (!(await exists(drawn))) await run(python, [join(ablation, "forget.py"), base, drawn]);
  const image = await train(imageRecipe(drawn, data, baseSteps, join(folder, "image")), "base");
  const drawnMotion = { base: image, motion: join(troupe, "recipes", "networks", "motion") };
  const steps = Math.ceil(baseSteps / 2);
  const motion = await train(motionRecipe(drawnMotion, data, steps, join(folder, "motion")), "motion");
  return { base: image, motion };
}

async function ablate(folder: string, given: Flags): Promise<void> {
  const paths = { data: given.data, base: given.base, probes: given.probes };
  const absolute = Object.entries(paths).map(([name, path]) => [name, resolve(path)]);
  const flags: Flags = { ...given, ...Object.fromEntries(absolute) };
  const out = resolve(folder);
  await mkdir(out, { recursive: true });
  const networks = await prepareBase(out, flags);
  const films = (name: string) => join(out, "films", name);
  const shared = ["--cases", String(flags.films), "--steps", String(flags.filmSteps)];
  const sample = (name: string, ...args: string[]) =>
    run(process.execPath, [measure, films(name), ...shared, ...args]);
  const taken = ["--base", networks.base, "--motion", networks.motion, "--guidance", "3"];

  await sample("drawn", "--drawn");
  await sample("base", ...taken);
  const folders = ["drawn", "base"];
  for (let seed = 0; seed < flags.seeds; ++seed) {
    for (const variant of variants) {
      const name = `${variant.name}-${seed}`;
      const settings = { steps: flags.steps, seed, output: join(out, name) };
      const recipe = variantRecipe(variant, networks, flags.data, settings);
      await sample(name, ...taken, "--subject", await train(recipe, "subject.safetensors"));
      folders.push(name);
    }
  }
  const report = join(out, "report.json");
  await run(flags.python, [evaluate, flags.probes, ...folders.map(films), "--json", report]);
  const table = ablationTable(JSON.parse(await readFile(report, "utf8")), flags.seeds);
  await writeFile(join(out, "report.md"), table);
  process.stdout.write(`\n${table}`);
}

const program = new Command("ablation")
  .description("train, sample and judge every variant; a second run goes on where it stopped")
  .argument("<folder>", "where to")
  .requiredOption("--data <folder>", "drawn clips to train on")
  .option("--probes <file>", "what judges", join(troupe, "measure", "probes.safetensors.xz"))
  .option("--base <path>", "the image model that the base is made of", join(troupe, "base"))
  .option("--base-steps <n>", "training steps of the base; its motion modules take half as many", number, 800)
  .option("--steps <n>", "training steps of each", number, 1000)
  .option("--films <n>", "films of each", number, 40)
  .option("--film-steps <n>", "denoising steps", number, 30)
  .option("--seeds <n>", "runs of each", number, 1)
  .option("--python <program>", "with torch, numpy, pillow and safetensors", "python3")
  .action(ablate);

await runProgram(program);
