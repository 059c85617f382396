import { fileURLToPath } from "node:url";
import { Command } from "commander";
import type { CameoError } from "../errors.js";
import { notAllowed } from "../options/check.js";
import type { DoneEvent, TrainingEvent } from "../training/events.js";
import { launch } from "../training/launch.js";
import { membershipFromEnvironment } from "../training/launch_environment.js";
import { readRecipe } from "../training/read_recipe.js";
import { Trainer } from "../training/trainer.js";
import { number, withOutputFlags } from "./flags.js";
import { interruptible, isLaunched } from "./interrupt.js";
import { exitCodes, type OutputOptions, printEvent } from "./output.js";
import { createReporter } from "./progress.js";
import { TrainingNotes } from "./training_notes.js";
import { createTrainingReporter, type TrainingReporter } from "./training_progress.js";

interface TrainFlags extends OutputOptions {
  resume?: boolean;
  nproc?: number;
}

const examples = `
Examples:
  $ cameo train people.jsonc
  $ cameo train people.jsonc --resume
  $ cameo train people.jsonc --nproc 4
  $ torchrun --nproc-per-node 8 --no-python cameo train people.jsonc

Ctrl-C saves a checkpoint; --resume goes on from the newest one. docs/training.md is the guide, examples/train
has recipes.`;

/** `cameo train`: trains what a recipe says. */
export function trainCommand(): Command {
  const command = new Command("train")
    .description("train a VAE, an image model, motion modules or a subject model")
    .argument("<recipe>", "a recipe: a file of JSON, with comments if you like")
    .option("--resume", "go on from the newest checkpoint in the recipe's output")
    .option("--nproc <n>", "number of local processes, one per GPU", number)
    .addHelpText("after", examples)
    .action(train);
  return withOutputFlags(command);
}

async function train(recipe: string, flags: TrainFlags): Promise<void> {
  const { nproc = 1 } = flags;
  if (!(Number.isSafeInteger(nproc) && nproc >= 1 && nproc <= 64)) {
    throw notAllowed("nproc", nproc, "a whole number from 1 to 64");
  }
  // Before processes are started, each of which would say the same.
  await readRecipe(recipe);
  await interruptible((signal) =>
    nproc > 1 ? trainInProcesses(nproc, signal) : trainHere(recipe, flags, signal),
  );
}

/** Each process is this command without --nproc, and finds its place in its environment. */
async function trainInProcesses(count: number, signal: AbortSignal): Promise<void> {
  const [, script = fileURLToPath(import.meta.url), ...args] = process.argv;
  await launch({ count, script, args: withoutNproc(args), signal });
}

function withoutNproc(args: readonly string[]): string[] {
  return args.filter((arg, i) => !/^--nproc(=|$)/.test(arg) && args[i - 1] !== "--nproc");
}

async function trainHere(recipe: string, given: TrainFlags, signal: AbortSignal): Promise<void> {
  // One process speaks for all.
  const isFirst = (membershipFromEnvironment(process.env)?.rank ?? 0) === 0;
  const flags = isFirst ? given : { ...given, json: false, quiet: true };
  const loading = createReporter(flags);
  await using trainer = await Trainer.open(recipe, {
    resume: flags.resume,
    signal,
    onProgress: (progress) => loading.update(progress),
  }).finally(() => loading.stop());
  for (const warning of isFirst ? trainer.describe().warnings : []) {
    process.stderr.write(`cameo: warning: ${warning}\n`);
  }
  const reporter = createTrainingReporter(flags);
  const notes = new TrainingNotes(trainer.describe().clips);
  reportStart(trainer, flags, reporter);
  try {
    for await (const event of trainer.run({ signal })) {
      if (flags.json) printTrainingEvent(event);
      for (const line of linesOf(event, notes)) reporter.note(line);
      if (event.type === "step") reporter.step(event);
      if (event.type === "done") printResult(event, flags, reporter);
    }
  } catch (error) {
    for (const line of notes.end()) reporter.note(line);
    if ((error as CameoError).code !== "ERR_ABORTED") throw error;
    // The launcher says for all that it was interrupted.
    process.exitCode = exitCodes.interrupted;
    if (isLaunched) return;
    reporter.note(`to go on: cameo train ${shellWord(recipe)} --resume`);
    throw error;
  } finally {
    reporter.stop();
  }
}

/** Where the run begins: a resumed one may not have come to a checkpoint yet. */
function reportStart(trainer: Trainer, { json, resume }: TrainFlags, reporter: TrainingReporter): void {
  const { step } = trainer;
  const { steps, output } = trainer.recipe;
  if (json) printEvent("start", { step, steps, output });
  if (step === steps) reporter.note(`all ${steps} steps are done: the model is written again`);
  else if (step > 0) reporter.note(`going on after step ${step} of ${steps}`);
  else if (resume) reporter.note(`no checkpoint in ${output} yet: starting at step 1`);
  const drawn = trainer.describe().networks.filter(({ files }) => files.length === 0);
  if (step === 0 && drawn.length > 0) {
    reporter.note(`drawn, as their folders have no weights: ${drawn.map(({ name }) => name).join(", ")}`);
  }
}

function printTrainingEvent({ type, ...fields }: TrainingEvent): void {
  printEvent(type, "reason" in fields ? { ...fields, reason: fields.reason.message } : fields);
}

function linesOf(event: TrainingEvent, notes: TrainingNotes): string[] {
  switch (event.type) {
    case "step":
      return notes.step(event);
    case "skip":
      return notes.skip(event);
    case "validation":
      return [`validation: ${event.paths.join(", ")}`];
    case "checkpoint":
      return [`checkpoint: ${event.path}`];
    case "done":
      return notes.end();
  }
}

function printResult({ model }: DoneEvent, { json }: TrainFlags, reporter: TrainingReporter): void {
  reporter.stop();
  if (!json) process.stdout.write(`${model}\n`);
}

/** As a shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
