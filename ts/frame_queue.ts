/** A frame that a task has handed out. */
interface Handed {
  data: Uint8Array;
  /** To be called once the frame is done with: the task goes on where it waited for that. */
  taken: () => void;
}

/** Frames on their way from the task that makes them. */
export class FrameQueue {
  readonly #stop = new AbortController();
  /** The task's. */
  readonly signal: AbortSignal;
  readonly #frames: Handed[] = [];
  #end: { error?: unknown; warnings: readonly string[] } | undefined;
  #wake = () => {};

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
  }

  push(data: Uint8Array, taken: () => void): void {
    this.#frames.push({ data, taken });
    this.#wake();
  }

  /** Until the task has ended, its frames are taken from here. */
  follow(task: Promise<readonly string[]>): void {
    const end = (outcome: { error?: unknown; warnings: readonly string[] }) => {
      this.#end = outcome;
      this.#wake();
    };
    task.then(
      (warnings) => end({ warnings }),
      (error) => end({ error, warnings: [] }),
    );
  }

  /** What the task said, once all frames are there. */
  get warnings(): readonly string[] {
    return this.#end?.warnings ?? [];
  }

  /** Resolves once there is a frame, or none comes any more; rejects as the task where that has failed. */
  async ready(): Promise<void> {
    while (this.#frames.length === 0 && this.#end === undefined) await this.#change();
    if (this.#frames.length === 0 && this.#end && "error" in this.#end) throw this.#end.error;
  }

  shift(): Handed | undefined {
    return this.#frames.shift();
  }

  /** Ends the task, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    while (this.#end === undefined) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
