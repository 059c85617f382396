import { Presets, SingleBar } from "cli-progress";
import type { Command } from "commander";
import { reportError } from "#ts/cli/output.js";

/** Runs a program to its end: what goes wrong is one line, and an exit code as `cameo` has them. */
export async function runProgram(program: Command): Promise<void> {
  // Errors are printed by reportError.
  program.exitOverride().configureOutput({ outputError() {} });
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = reportError(error, process.argv);
  }
}

/** A bar on a terminal's stderr, of so many clips or films. */
export function progressBar(verb: string, noun: string): SingleBar {
  return new SingleBar(
    {
      format: `${verb} |{bar}| {value}/{total} ${noun}, {eta_formatted} left`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 30,
      etaBuffer: 200,
      // Ctrl-C is the command's to handle.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
}
