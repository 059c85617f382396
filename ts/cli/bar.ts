import { Presets, SingleBar } from "cli-progress";

/**
 * A bar on stderr, which is gone when it is stopped. It leaves the terminal's settings alone (the cursor is not hidden, lines
 * are not kept from wrapping): a process that is killed could not restore them.
 */
export function createBar(format: string, barsize: number): SingleBar {
  const options = { format, barsize, stream: process.stderr, clearOnComplete: true };
  // Ctrl-C is the command's to handle.
  return new SingleBar(
    { ...options, hideCursor: false, linewrap: true, gracefulExit: false },
    Presets.shades_classic,
  );
}
