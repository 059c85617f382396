import { onAbort } from "./abort.js";
import { abortError } from "./errors.js";

/** Lets one at a time do its work; of those that are ready and wait, the one with the lowest ticket. */
export class Turns {
  #busy = false;
  readonly #waiting = new Map<number, () => void>();

  /** What `work` resolves to, once it is this ticket's turn; ERR_ABORTED as soon as `signal` says so. */
  async take<T>(ticket: number, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    await this.#turn(ticket, signal);
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  async #turn(ticket: number, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#busy) {
      this.#busy = true;
      return;
    }
    let release = () => {};
    const turn = new Promise<void>((resolve, reject) => {
      this.#waiting.set(ticket, resolve);
      release = onAbort(signal, () => {
        if (this.#waiting.delete(ticket)) reject(abortError(signal as AbortSignal));
      });
    });
    await turn.finally(release);
  }

  #pass(): void {
    const first = Math.min(...this.#waiting.keys());
    const start = this.#waiting.get(first);
    this.#waiting.delete(first);
    if (start) start();
    else this.#busy = false;
  }
}
