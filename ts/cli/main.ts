#!/usr/bin/env node
import { reportError } from "./output.js";
import { createProgram } from "./program.js";

// Whoever reads our output may stop reading, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError(error, process.argv);
}
