import { homedir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { exists } from "../media/files.js";
import { notAllowed } from "../options/check.js";
import { checkLoadOptions } from "../options/load.js";
import { number, withOutputFlags } from "./flags.js";
import { interruptible } from "./interrupt.js";
import { type LoadFlags, loadOptionsOf, withLoadFlags } from "./load_flags.js";
import { type OutputOptions, printEvent } from "./output.js";

interface StudioFlags extends LoadFlags, OutputOptions {
  output?: string;
  runs?: string;
  port?: number;
  open: boolean;
}

const examples = `
It listens on 127.0.0.1 only, and its address has a token that only you see. Ctrl-C ends it.

Examples:
  $ cameo studio
  $ cameo studio --output videos/ --runs runs/
  $ cameo studio --base sd15/ --motion motion-adapter/ --subject videomaker.bin
  $ ssh -L 8080:127.0.0.1:8080 gpu-machine cameo studio --port 8080 --no-open`;

/** `cameo studio`: the local page. */
export function studioCommand(): Command {
  const command = new Command("studio")
    .description("make videos by hand, in a local page")
    .option("-o, --output <folder>", "the gallery's (default: cameo-studio in your documents)")
    .option("--runs <folder>", "show the curves of the training runs below this folder")
    .option("--port <n>", "of the page's address (default: one that is free)", number)
    .option("--no-open", "print the address, and open no browser");
  return withOutputFlags(withLoadFlags(command)).addHelpText("after", examples).action(studio);
}

async function studio(flags: StudioFlags): Promise<void> {
  const { runs, port } = flags;
  const load = loadOptionsOf(flags);
  checkLoadOptions(load);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536)) {
    throw notAllowed("port", port, "a whole number from 0 to 65535");
  }
  const output = flags.output ?? (await defaultOutput());
  const { Studio } = await import("../studio/index.js");
  await interruptible(async (signal) => {
    await using server = await Studio.start({ load, output, runs, port });
    if (flags.json) printEvent("listening", { url: server.url, output });
    else process.stdout.write(`${server.url}\n`);
    if (!flags.quiet) process.stderr.write(`cameo: videos are kept in ${output}; Ctrl-C ends the studio\n`);
    if (flags.open) await openBrowser(server.browserUrl);
    await aborted(signal);
  });
}

/** Where people look for what they made. */
async function defaultOutput(): Promise<string> {
  const documents = join(homedir(), "Documents");
  return join((await exists(documents)) ? documents : homedir(), "cameo-studio");
}

/** The address is on the screen for whoever has no browser here. */
async function openBrowser(url: string): Promise<void> {
  const { default: open } = await import("open");
  const child = await open(url).catch(() => undefined);
  child?.on("error", () => {});
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
