import { readdirSync, readFileSync } from "node:fs";

interface Times {
  ran: number;
  /** Ready to run, while others had all cores. */
  waited: number;
}

/** Reads how long each thread of this process ran and waited, in any one unit; undefined where that is not known. */
export type ReadThreads = () => Map<string, Times> | undefined;

/** Measures how far other work keeps this process's threads from the machine's cores. */
export class CoreClock {
  readonly #read: ReadThreads;
  #latest: Map<string, Times>;

  constructor(read: ReadThreads = readThreads) {
    this.#read = read;
    this.#latest = read() ?? new Map();
  }

  /**
   * Since the last lap: the share, 0 to 1, of the time in which threads could run that they waited for a core. undefined
   * where nothing ran, or the system does not tell.
   */
  lap(): number | undefined {
    const now = this.#read();
    if (now === undefined) return undefined;
    let [ran, waited] = [0, 0];
    for (const [thread, times] of now) {
      const before = this.#latest.get(thread);
      ran += Math.max(0, times.ran - (before?.ran ?? 0));
      waited += Math.max(0, times.waited - (before?.waited ?? 0));
    }
    this.#latest = now;
    return ran > 0 ? waited / (ran + waited) : undefined;
  }
}

/** In nanoseconds, as Linux counts them. */
function readThreads(): Map<string, Times> | undefined {
  try {
    const threads = new Map<string, Times>();
    for (const thread of readdirSync("/proc/self/task")) {
      const [ran, waited] = read(thread).split(" ").map(Number);
      if (ran !== undefined && waited !== undefined) threads.set(thread, { ran, waited });
    }
    return threads;
  } catch {
    return undefined;
  }
}

/** Empty where the thread ended. */
function read(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8");
  } catch {
    return "";
  }
}
