import { onAbort } from "./abort.js";
import { abortError } from "./errors.js";

/**
 * Keeps changes of a model in order with what uses it: a change waits for the uses that began before it, and uses that begin
 * after it wait for the change.
 */
export class Changes {
  readonly #begun = new Set<Promise<unknown>>();
  #last: Promise<unknown> = Promise.resolve();

  /** What `work` resolves to. It is given a function to await before it uses the model, which rejects with ERR_ABORTED. */
  async use<T>(work: (turn: (signal: AbortSignal | undefined) => Promise<void>) => Promise<T>): Promise<T> {
    const last = this.#last;
    return this.#track(work((signal) => settled(last, signal)));
  }

  /** What `work` resolves to, once all that has begun is done; ERR_ABORTED as soon as `signal` says so. */
  async change<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const begun = Promise.allSettled(this.#begun);
    const made = this.#track(settled(begun, signal).then(work));
    this.#last = made;
    return made;
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#begun.add(work);
    try {
      return await work;
    } finally {
      this.#begun.delete(work);
    }
  }
}

/** Resolves once the promise has settled, whichever way. */
async function settled(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  let release = () => {};
  const aborted = new Promise<void>((_, reject) => {
    release = onAbort(signal, () => reject(abortError(signal as AbortSignal)));
  });
  await Promise.race([Promise.allSettled([promise]), aborted]).finally(release);
}
