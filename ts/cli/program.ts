import { Command } from "commander";
import { version } from "../version.js";
import { benchCommand } from "./bench.js";
import { convertCommand } from "./convert.js";
import { demoCommand } from "./demo.js";
import { doctorCommand } from "./doctor.js";
import { inspectCommand } from "./inspect.js";
import { libtorchCommand } from "./libtorch.js";
import { modelsCommand } from "./models.js";
import { plotCommand } from "./plot.js";
import { sampleCommand } from "./sample.js";
import { studioCommand } from "./studio.js";
import { trainCommand } from "./train.js";

/** `cameo` with all its commands. Its errors are thrown, for `reportError`. */
export function createProgram(): Command {
  const program = new Command("cameo")
    .description("One picture of a subject and one sentence in, a video starring that subject out.")
    .version(version)
    .exitOverride()
    // Errors are printed by reportError, in one line.
    .configureOutput({ outputError() {} })
    .addCommand(demoCommand())
    .addCommand(sampleCommand())
    .addCommand(trainCommand())
    .addCommand(plotCommand())
    .addCommand(inspectCommand())
    .addCommand(convertCommand())
    .addCommand(studioCommand())
    .addCommand(doctorCommand())
    .addCommand(benchCommand())
    .addCommand(modelsCommand())
    .addCommand(libtorchCommand());
  inherit(program);
  return program;
}

/** Commands that are added, rather than made by their parent, do not take its settings by themselves. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inherit(child);
  }
}
