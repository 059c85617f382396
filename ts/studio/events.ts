import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { StudioEvent } from "./protocol.js";

/** A line now and then, by which a connection that is gone is noticed. */
const heartbeatMs = 15_000;
/** Events that a tab which does not read, as one that sleeps, may fall behind. */
const maxBehind = 1000;

/** Sends what happens to every open tab. */
export class Events {
  readonly #listeners = new Set<(event: StudioEvent) => void>();
  readonly #closing = new AbortController();

  emit(event: StudioEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Ends all connections. */
  close(): void {
    this.#closing.abort();
  }

  /** A stream of server-sent events that begins with `first`, taken in the moment from which on none is missed. */
  stream(context: Context, first: () => StudioEvent): Response {
    return streamSSE(context, async (stream) => {
      const behind: StudioEvent[] = [first()];
      let wake = () => {};
      let ended = this.#closing.signal.aborted;
      const end = () => {
        ended = true;
        this.#listeners.delete(listener);
        wake();
      };
      const listener = (event: StudioEvent) => {
        behind.push(event);
        if (behind.length > maxBehind) {
          // It connects again, and is told the state as it is then.
          behind.length = 0;
          stream.abort();
        }
        wake();
      };
      this.#listeners.add(listener);
      this.#closing.signal.addEventListener("abort", end);
      stream.onAbort(end);
      try {
        while (!ended) {
          const event = behind.shift();
          if (event) await stream.writeSSE({ data: JSON.stringify(event) });
          else if (!(await woken(heartbeatMs, (resume) => (wake = resume))))
            await stream.write(": alive\n\n");
        }
      } finally {
        end();
        this.#closing.signal.removeEventListener("abort", end);
      }
    });
  }
}

/** Whether `resume`, which is handed to `start`, was called before the time was over. */
function woken(timeoutMs: number, start: (resume: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), timeoutMs);
    start(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
