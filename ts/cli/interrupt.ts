import { exitCodes } from "./output.js";

/** `launch` started this process, with a channel to itself; it says for all what there is to say of an interrupt. */
export const isLaunched = process.channel !== undefined;

const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs `work` with a signal that Ctrl-C aborts. A second Ctrl-C ends the process at once: what is computing
 * stops only at the end of a network evaluation, which may take a while.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: (typeof signals)[number]) => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    if (!isLaunched) process.stderr.write("\ncameo: stopping; press Ctrl-C again to stop at once\n");
    controller.abort(new Error(`received ${name}`));
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}
