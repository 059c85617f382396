import { Piscina } from "piscina";
import { CameoError } from "../errors.js";
import type { Size } from "./clip.js";
import type { Sample, SampleRequest } from "./sample.js";
import type { Entry } from "./sources/index.js";
import type { Failure, StopFlag, WorkerSettings } from "./worker.js";

/** A flag that stops the tasks which are given it. */
export function stopFlag(): StopFlag {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** The threads that read clips. */
export class DataWorkers {
  readonly #pool: Piscina;
  readonly #running = new Map<Promise<unknown>, StopFlag>();

  constructor(settings: WorkerSettings, threads: number) {
    this.#pool = new Piscina({
      filename: new URL("./worker.js", import.meta.url).href,
      name: "sample",
      minThreads: threads,
      maxThreads: threads,
      workerData: settings,
      // A thread that waits for work by blocking would keep what codecs still have to do from being done.
      atomics: "disabled",
    });
  }

  sample(request: SampleRequest, stop: StopFlag): Promise<Sample | Failure> {
    return this.#run("sample", { ...request, stop }, stop);
  }

  /** The sizes of clips, in their order; fewer where it was stopped. */
  sizes(entries: Entry[], stop: StopFlag): Promise<(Size | Failure)[]> {
    return this.#run("sizes", { entries, stop }, stop);
  }

  /** Stops what is running, and resolves once all threads have ended. */
  async close(): Promise<void> {
    for (const stop of this.#running.values()) Atomics.store(stop, 0, 1);
    // A thread that is ended while a codec works takes the process with it.
    await Promise.allSettled(this.#running.keys());
    await this.#pool.destroy();
  }

  async #run<T>(name: string, task: object, stop: StopFlag): Promise<T> {
    const running = this.#pool.run(task, { name }) as Promise<T>;
    this.#running.set(running, stop);
    try {
      return await running;
    } catch (cause) {
      const reason = String((cause as Error).message).replace(/\s+/g, " ");
      const message = `a thread that reads clips ended (${reason}); try again with fewer data.workers`;
      throw new CameoError("ERR_DATASET", message, { cause });
    } finally {
      this.#running.delete(running);
    }
  }
}
