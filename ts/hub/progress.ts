/** How much of what has to be fetched is there, for all names together. */
export interface FetchProgress {
  phase: "fetch";
  /** In bytes. */
  step: number;
  /** In bytes. */
  steps: number;
}

export type OnFetchProgress = (progress: FetchProgress) => void;

/** Whoever is told of the progress; what it throws ends the fetching, and is no fault of the network's. */
export class Listener {
  readonly #onProgress: OnFetchProgress | undefined;
  readonly #stop = new AbortController();
  readonly #thrown: unknown[] = [];

  constructor(onProgress: OnFetchProgress | undefined) {
    this.#onProgress = onProgress;
  }

  /** Aborted when it has thrown. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  tell(progress: FetchProgress): void {
    if (this.signal.aborted) return;
    try {
      this.#onProgress?.(progress);
    } catch (error) {
      this.#thrown.push(error);
      this.#stop.abort();
    }
  }

  throwWhatItThrew(): void {
    if (this.#thrown.length > 0) throw this.#thrown[0];
  }
}

/** Between two reports, at least. */
const reportBytes = 2 ** 20;

/** Sums over files what is fetched of each. */
export class Progress {
  readonly #total: number;
  readonly #listener: Listener;
  #before = 0;
  #reported = -reportBytes;

  constructor(total: number, listener: Listener) {
    this.#total = total;
    this.#listener = listener;
  }

  /** Of the file that is fetched now. */
  update(bytes: number): void {
    const step = this.#before + bytes;
    const isDue = step - this.#reported >= reportBytes || step === this.#total;
    if (!isDue || step === this.#reported) return;
    this.#reported = step;
    this.#listener.tell({ phase: "fetch", step, steps: this.#total });
  }

  /** Says that a file of so many bytes is there. */
  next(bytes: number): void {
    this.update(bytes);
    this.#before += bytes;
  }
}
