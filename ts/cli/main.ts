#!/usr/bin/env node
import { fileReason } from "../media/files.js";
import { exitCodes, reportError } from "./output.js";
import { createProgram } from "./program.js";

// Whoever reads our output may stop reading, as `head` does, or the terminal be closed: that is no reason to stop.
const isGone = (error: NodeJS.ErrnoException) => error.code === "EPIPE" || error.code === "EIO";
process.stderr.on("error", () => {});
process.stdout.on("error", (error) => {
  if (isGone(error) || process.exitCode === exitCodes.failed) return;
  process.stderr.write(`cameo: the output can't be written: ${fileReason(error)}\n`);
  process.exitCode = exitCodes.failed;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError(error, process.argv);
}
