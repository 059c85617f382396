import { Command } from "commander";
import { byteText } from "../byte_text.js";
import { type CachedModel, fetchFromHub, listCachedModels, removeFromCache } from "../hub/index.js";
import { withOutputFlags } from "./flags.js";
import { interruptible } from "./interrupt.js";
import { type OutputOptions, printEvent } from "./output.js";
import { createReporter } from "./progress.js";

const notes = `
Models are kept where Python's huggingface_hub keeps them, and shared with it: in HF_HUB_CACHE, else in HF_HOME/hub, else in
~/.cache/huggingface/hub. Commands that take a model's path take a name on the hub too, and fetch it when it isn't there.

Examples:
  $ cameo models fetch hf:SG161222/Realistic_Vision_V5.1_noVAE hf:guoyww/animatediff-motion-adapter-v1-5-3
  $ cameo models list
  $ cameo models remove hf:guoyww/animatediff-motion-adapter-v1-5-3`;

/** `cameo models`: what is fetched from the Hugging Face hub. */
export function modelsCommand(): Command {
  const list = new Command("list")
    .description("show the models in the cache that can be loaded")
    .action(listAction);
  const fetch = new Command("fetch")
    .description("fetch what loading needs of models, unless it is there, and print where it is")
    .argument(
      "<name...>",
      "hf:owner/name, with /file-or-folder and @revision behind it where they are needed",
    )
    .action(fetchAction);
  const remove = new Command("remove")
    .description(
      "delete models from the cache, with all that nothing else there uses, and print how much that frees",
    )
    .argument("<name...>", "as for fetch; without @revision every one is deleted")
    .action(removeAction);
  const command = new Command("models").description("list, fetch or remove models of the Hugging Face hub");
  for (const subcommand of [list, fetch, remove]) command.addCommand(withOutputFlags(subcommand));
  return command.addHelpText("after", notes);
}

async function listAction({ json }: OutputOptions): Promise<void> {
  const models = await listCachedModels();
  if (json) printEvent("done", { models });
  else printTable(models.map(rowOf));
}

function rowOf({ name, bytes, commit, kind, option }: CachedModel): string[] {
  return [name, byteText(bytes), commit.slice(0, 8), option ? `${kind} (${option})` : kind];
}

function printTable(rows: readonly string[][]): void {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  for (const row of rows) {
    const cells = row.map((cell, i) => (i === 1 ? cell.padStart(width(i)) : cell.padEnd(width(i))));
    process.stdout.write(`${cells.join("  ").trimEnd()}\n`);
  }
}

async function fetchAction(names: string[], flags: OutputOptions): Promise<void> {
  const reporter = createReporter(flags);
  try {
    const onProgress = reporter.update.bind(reporter);
    const models = await interruptible((signal) => fetchFromHub(names, { signal, onProgress }));
    reporter.stop();
    if (flags.json) printEvent("done", { models });
    else process.stdout.write(models.map(({ path }) => `${path}\n`).join(""));
  } finally {
    reporter.stop();
  }
}

async function removeAction(names: string[], { json }: OutputOptions): Promise<void> {
  const removed = [];
  for (const name of names) {
    const removal = await removeFromCache(name);
    removed.push(removal);
    if (!json) process.stdout.write(`${removal.name}: freed ${byteText(removal.bytes)}\n`);
  }
  if (json) printEvent("done", { removed });
}
