import { CommanderError } from "commander";
import { CameoError } from "../errors.js";
import { loadEntries } from "../options/load_options.js";
import { optionEntries } from "../options/sample_options.js";

/** What a command prints where: results to stdout, the rest to stderr; as JSON, every event to stdout. */
export interface OutputOptions {
  json?: boolean | undefined;
  quiet?: boolean | undefined;
}

/** Exit codes. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** One JSON object on a line of its own. */
export function printEvent(event: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

/** Says what went wrong, in one line, and returns the exit code. */
export function reportError(error: unknown, argv: readonly string[]): number {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
  // The help was printed already, where no command was given.
  if (error instanceof CommanderError && error.code === "commander.help") return exitCodes.usage;
  const code = exitCode(error);
  const message = errorMessage(error);
  if (argv.includes("--json")) {
    printEvent("error", { code: error instanceof CameoError ? error.code : errorName(error), message });
  }
  process.stderr.write(`cameo: ${message}\n`);
  if (argv.includes("--verbose") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return code;
}

function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return exitCodes.usage;
  if (!(error instanceof CameoError)) return exitCodes.failed;
  if (error.code === "ERR_INVALID_OPTION") return exitCodes.usage;
  return error.code === "ERR_ABORTED" ? exitCodes.interrupted : exitCodes.failed;
}

/** Codes of errors whose messages may begin with an option's name. */
const namesOptions: readonly string[] = ["ERR_INVALID_OPTION", "ERR_OUT_OF_MEMORY"];

function errorMessage(error: unknown): string {
  if (error instanceof CommanderError) {
    return error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
  }
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof CameoError)) return `${error.name}: ${error.message}`;
  if (error.code === "ERR_ABORTED") return "interrupted";
  if (!namesOptions.includes(error.code)) return error.message;
  return error.message.replace(/^([a-zA-Z]+)(?=:| is missing)/, flagOf);
}

function errorName(error: unknown): string {
  return error instanceof CommanderError ? "ERR_INVALID_OPTION" : "ERR_UNEXPECTED";
}

function flagOf(option: string): string {
  const [, known] = [...optionEntries, ...loadEntries].find(([name]) => name === option) ?? [];
  return (
    known?.flag?.replace(/ .*/, "") ??
    `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  );
}
