import type { PipelineDescription } from "../description.js";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import type { FilmFacts } from "../media/index.js";
import type { LoadOptions } from "../options/load_options.js";
import { checkRequest, completeRequest } from "../options/sample.js";
import type { AnyRequest } from "../options/sample_options.js";
import { Pipeline } from "../pipeline.js";
import { withFilm } from "../prepared_request.js";
import type { Video } from "../video.js";
import { errorLine } from "./errors.js";
import type { ModelState } from "./protocol.js";

/** Between two reports of how far loading is. */
const loadReportMs = 200;

const beginning: ModelState = { state: "loading", phase: "load", step: 0, steps: 0 };

/** The one model of a studio: loaded once, and again after a failure. */
export class Engine {
  readonly #options: LoadOptions;
  readonly #onChange: (state: ModelState) => void;
  readonly #closing = new AbortController();
  #state: ModelState = beginning;
  #loading: Promise<Pipeline> | undefined;
  #description: PipelineDescription | undefined;

  constructor(options: LoadOptions, onChange: (state: ModelState) => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  get state(): ModelState {
    return this.#state;
  }

  /** Loads the model, where it isn't loaded or being loaded; a failure is in `state`. */
  load(): void {
    this.#pipeline().catch(() => {});
  }

  /**
   * Throws ERR_INVALID_OPTION for what is wrong with a request, and for what the model can't do, where it is known already; `film` is
   * what the request starts from.
   */
  check(request: AnyRequest, film: FilmFacts | undefined): void {
    const loaded = this.#description && withFilm(this.#description, film);
    checkRequest(request, loaded);
    if (loaded) completeRequest(request, loaded);
  }

  async sample(request: AnyRequest): Promise<Video> {
    const pipeline = await untilAborted(this.#pipeline(), request.signal);
    return pipeline.sample(request);
  }

  /** When it resolves, the memory is free. */
  async close(): Promise<void> {
    this.#closing.abort();
    const pipeline = await this.#loading?.catch(() => undefined);
    await pipeline?.close();
  }

  #pipeline(): Promise<Pipeline> {
    if (this.#closing.signal.aborted) throw new CameoError("ERR_CLOSED", "the studio is closed");
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = undefined;
      this.#change({ state: "failed", error: errorLine(error) });
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<Pipeline> {
    let reported = 0;
    this.#change(beginning);
    const pipeline = await Pipeline.load({
      ...this.#options,
      signal: this.#closing.signal,
      onProgress: ({ phase, step, steps }) => {
        const now = performance.now();
        if (now - reported < loadReportMs) return;
        reported = now;
        this.#change({ state: "loading", phase, step, steps });
      },
    });
    this.#description = pipeline.describe();
    this.#change(readyState(this.#description));
    return pipeline;
  }

  #change(state: ModelState): void {
    this.#state = state;
    this.#onChange(state);
  }
}

/** What comes of `promise`, or ERR_ABORTED as soon as the signal says so; the promise's work goes on. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  throwIfAborted(signal);
  if (!signal) return promise;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortError(signal));
    signal.addEventListener("abort", onAbort, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}

function readyState({ device, dtype, subject, motion, required, options }: PipelineDescription): ModelState {
  const maxFrames = motion?.maxFrames ?? null;
  return { state: "ready", device, dtype, subject, maxFrames, required, defaults: options };
}
