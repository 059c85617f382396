import { type Command, CommanderError } from "commander";
import { createProgram } from "#ts/cli/program.js";

/** What is wrong with a command line of `cameo`, by the program itself; nothing of it is done. */
export function usageError(args: readonly string[]): string | undefined {
  // Three dots stand for what a reader knows.
  const isPart = args.includes("...");
  const program = createProgram().configureOutput({ writeOut() {}, writeErr() {} });
  for (const command of withChildren(program)) if (command.commands.length === 0) command.action(() => {});
  try {
    program.parse(
      args.filter((arg) => arg !== "..."),
      { from: "user" },
    );
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isAllowed = error.exitCode === 0 || (isPart && /^commander\.missing/.test(error.code));
    return isAllowed ? undefined : error.message;
  }
  return undefined;
}

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withChildren)];
}
