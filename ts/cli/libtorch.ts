import { Command } from "commander";
import { installLibtorch, locateLibtorch, removeLibtorch, reportTo } from "../libtorch/index.js";
import type { InstallProgress } from "../libtorch/install.js";
import { withOutputFlags } from "./flags.js";
import { interruptible } from "./interrupt.js";
import { type OutputOptions, printEvent } from "./output.js";

interface InstallFlags extends OutputOptions {
  cuda?: boolean;
  force?: boolean;
}

/** `cameo libtorch`: the runtime that the native half is linked with. */
export function libtorchCommand(): Command {
  const install = new Command("install")
    .description("fetch libtorch with pip into the cache (544 MB), unless it is there")
    .option("--cuda", "with what an NVIDIA GPU needs (2.5 GB)")
    .option("--force", "fetch it again, whatever is there")
    .action(installAction);
  const path = new Command("path").description("print the folder of the libtorch in use").action(pathAction);
  const remove = new Command("remove").description("delete the libtorch in the cache").action(removeAction);
  const command = new Command("libtorch").description("fetch, show or remove the libtorch runtime");
  for (const subcommand of [install, path, remove]) command.addCommand(withOutputFlags(subcommand));
  return command;
}

async function installAction(flags: InstallFlags): Promise<void> {
  const { cuda, force } = flags;
  const onProgress = progressOf(flags);
  const folder = await interruptible((signal) => installLibtorch({ cuda, force, signal, onProgress }));
  print({ folder }, folder, flags);
}

function progressOf({ json, quiet }: OutputOptions): ((progress: InstallProgress) => void) | undefined {
  if (json) return (progress) => printEvent("progress", { ...progress });
  return quiet ? undefined : reportTo(process.stderr);
}

function pathAction(flags: OutputOptions): void {
  const location = locateLibtorch();
  print({ ...location }, location.folder, flags);
}

async function removeAction(flags: OutputOptions): Promise<void> {
  const removed = await removeLibtorch();
  print({ removed }, removed.join("\n"), flags);
}

function print(fields: Record<string, unknown>, text: string, { json }: OutputOptions): void {
  if (json) printEvent("done", fields);
  else if (text) process.stdout.write(`${text}\n`);
}
