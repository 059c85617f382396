import { exitCodes } from "./output.js";

/** `launch` started this process, with a channel to itself; it says for all what there is to say of an interrupt. */
export const isLaunched = process.channel !== undefined;

/** Ctrl-C, a supervisor's request, a terminal that was closed. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * A Ctrl-C may come twice: to all processes of the terminal, and passed on by a parent such as npx. And a terminal that is
 * closed sends a SIGHUP, with a SIGTERM of whoever closed it. A person who presses it again takes longer.
 */
const againAfterMs = 1000;

/**
 * Runs `work` with a signal that Ctrl-C aborts. A second Ctrl-C ends the process at once: what is computing
 * stops only at the end of a network evaluation, which may take a while.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let first = 0;
  const onSignal = (name: (typeof signals)[number]) => {
    if (!controller.signal.aborted) {
      first = performance.now();
      if (!isLaunched) process.stderr.write("\ncameo: stopping; press Ctrl-C again to stop at once\n");
      controller.abort(new Error(`received ${name}`));
    } else if (name === "SIGINT" && performance.now() - first >= againAfterMs) {
      process.exit(exitCodes.interrupted);
    }
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}
