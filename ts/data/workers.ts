import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Size } from "./clip.js";
import type { Sample, SampleRequest } from "./sample.js";
import type { Entry } from "./sources/index.js";
import type { Failure, WorkerSettings, WorkerTask } from "./worker.js";

interface Job {
  task: WorkerTask;
  signal: AbortSignal;
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
  /** How often a worker ended while it was at it. */
  failures: number;
}

/** That workers ended again and again while they were at a task. */
class WorkerEnded extends Error {}

/**
 * Processes that read clips, started as they are needed.
 *
 * Threads would not do: the codecs damage memory where several threads use them, and where a thread ends that did. And
 * a film on which a codec crashes costs a worker here, and not the run.
 */
export class DataWorkers {
  readonly #settings: WorkerSettings;
  readonly #count: number;
  readonly #queue: Job[] = [];
  /** What each worker is at; undefined where it is idle. */
  readonly #workers = new Map<ChildProcess, Job | undefined>();
  #isClosed = false;

  constructor(settings: WorkerSettings, count: number) {
    this.#settings = settings;
    this.#count = count;
  }

  /** The sample of a clip, or why there is none; rejects with the signal's reason where that came before its turn. */
  async sample(request: SampleRequest, signal: AbortSignal): Promise<Sample | Failure> {
    try {
      return (await this.#run({ sample: request }, signal)) as Sample | Failure;
    } catch (error) {
      return crashOf(request.entry, error);
    }
  }

  /** The size of each clip, or why it can't be told. */
  async sizes(entries: Entry[], signal: AbortSignal): Promise<(Size | Failure)[]> {
    try {
      return (await this.#run({ sizes: entries }, signal)) as (Size | Failure)[];
    } catch (error) {
      const [entry, ...others] = entries as [Entry, ...Entry[]];
      if (others.length === 0) return [crashOf(entry, error)];
      signal.throwIfAborted();
      return (await Promise.all(entries.map((each) => this.sizes([each], signal)))).flat();
    }
  }

  /** Ends all workers, whatever they are at. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const ended = Array.from(this.#workers.keys(), (worker) => {
      // The process waits for one that it doesn't let go.
      worker.ref();
      worker.kill("SIGKILL");
      return new Promise((resolve) => worker.once("exit", resolve).once("error", resolve));
    });
    await Promise.all(ended);
  }

  #run(task: WorkerTask, signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, signal, resolve, reject, failures: 0 });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (!this.#isClosed && this.#queue.length > 0) {
      const job = this.#queue[0] as Job;
      if (job.signal.aborted) {
        job.reject(job.signal.reason);
      } else {
        const worker = this.#idleWorker();
        if (worker === undefined) return;
        this.#workers.set(worker, job);
        worker.ref();
        worker.channel?.ref();
        worker.send(job.task);
      }
      this.#queue.shift();
    }
  }

  #idleWorker(): ChildProcess | undefined {
    for (const [worker, job] of this.#workers) if (job === undefined) return worker;
    return this.#workers.size < this.#count ? this.#start() : undefined;
  }

  #start(): ChildProcess {
    const worker = fork(fileURLToPath(new URL("./worker.js", import.meta.url)), {
      execArgv: [],
      serialization: "advanced",
      // Codecs write what they think of damaged films there.
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    worker.on("message", (answer) => {
      if (this.#isClosed) return;
      this.#workers.get(worker)?.resolve(answer);
      this.#workers.set(worker, undefined);
      // An idle worker doesn't keep the process from ending.
      worker.unref();
      worker.channel?.unref();
      this.#dispatch();
    });
    worker.once("exit", (code, signal) => this.#onEnd(worker, signal ?? `exit code ${code}`));
    // What can't be started or sent to has no exit, or one that follows.
    worker.on("error", ({ message }) => this.#onEnd(worker, message));
    worker.send(this.#settings);
    return worker;
  }

  /** A task whose worker ended gets one more. */
  #onEnd(worker: ChildProcess, reason: string): void {
    const job = this.#workers.get(worker);
    this.#workers.delete(worker);
    worker.kill("SIGKILL");
    if (job !== undefined && ++job.failures > 1) job.reject(new WorkerEnded(reason));
    else if (job !== undefined) this.#queue.unshift(job);
    this.#dispatch();
  }
}

function crashOf({ paths }: Entry, error: unknown): Failure {
  if (!(error instanceof WorkerEnded)) throw error;
  const advice = "leave the clip out, or see that there is memory for all data.workers";
  return { failure: `${paths[0]}: what reads it ended twice (${error.message}); ${advice}`, lasting: true };
}
