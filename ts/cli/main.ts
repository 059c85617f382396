#!/usr/bin/env node
import { fileReason } from "../media/files.js";
import { exitCodes, reportError } from "./output.js";
import { createProgram } from "./program.js";

/** Whoever reads may stop reading, as `head` does, or be a terminal that was closed: the work goes on. */
const isGone = ({ code }: NodeJS.ErrnoException) => code === "EPIPE" || code === "EIO";

// Nowhere is left to tell of it.
process.stderr.on("error", () => {});

let isLost = false;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (isLost || isGone(error)) return;
  isLost = true;
  process.stderr.write(`cameo: the output can't be written: ${fileReason(error)}\n`);
  process.once("exit", () => {
    process.exitCode ||= exitCodes.failed;
  });
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError(error, process.argv);
}
