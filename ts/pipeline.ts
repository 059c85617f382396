import { openAddonFor } from "./addon.js";
import { Changes } from "./changes.js";
import type { PipelineDescription } from "./description.js";
import { CameoError, errorsOf, throwIfAborted } from "./errors.js";
import { type ExtendRequest, Extension } from "./extension.js";
import { FilmStream } from "./film_stream.js";
import { FrameQueue } from "./frame_queue.js";
import { checkPlanOptions, type MemoryPlan, type PlanOptions } from "./memory_plan.js";
import type { NativePipeline, NativeProgress } from "./native.js";
import { nativeText } from "./native_text.js";
import { defined } from "./options/defined.js";
import { withHubModels } from "./options/hub_models.js";
import { checkLoraPaths, checkModelPaths, completeLoadOptions, loadReport } from "./options/load.js";
import type { LoadOptions } from "./options/load_options.js";
import { checkLoras, type Loras } from "./options/lora.js";
import { readDescription } from "./options/sample.js";
import type { AnyRequest, CompleteSampleRequest } from "./options/sample_options.js";
import { type PreparedRequest, prepareRequest, progressListener, withSeed } from "./prepared_request.js";
import { openPromptEncoder, type PromptEncoder } from "./prompt_encoder.js";
import { readSeries, type SamplesRequest } from "./series.js";
import { warnOfUnfamiliar } from "./shipped_model/familiarity.js";
import type { ShippedModel } from "./shipped_model/index.js";
import { runTask } from "./task.js";
import { Turns } from "./turns.js";
import { Video, type VideoParts } from "./video.js";

/**
 * A loaded model. It runs on a thread of its own, one request after another; several pipelines run side by side.
 *
 * It holds gigabytes until it is closed: use `await using`, or call `close()`.
 */
export class Pipeline implements AsyncDisposable {
  readonly #native: NativePipeline;
  /** None of a model that reads no text. */
  readonly #encodePrompts: PromptEncoder | undefined;
  #description: PipelineDescription;
  /** Set where it is the model that is loaded. */
  readonly #shipped: ShippedModel | undefined;
  readonly #place: PlanOptions;
  /** Whether there are weights. */
  readonly #computes: boolean;
  #closing: Promise<undefined> | undefined;
  readonly #reading = new AbortController();
  #requests = 0;
  readonly #decoding = new Turns();
  readonly #computing = new Turns();
  readonly #changes = new Changes();

  private constructor(
    native: NativePipeline,
    encodePrompts: PromptEncoder | undefined,
    description: PipelineDescription,
    shipped: ShippedModel | undefined,
    { maxMemory, headersOnly = false }: LoadOptions,
  ) {
    this.#native = native;
    this.#encodePrompts = encodePrompts;
    this.#description = description;
    this.#shipped = shipped;
    this.#place = { device: description.device.startsWith("cuda") ? "cuda" : "cpu", maxMemory };
    this.#computes = !headersOnly;
  }

  /**
   * Loads a model. Rejects with ERR_INVALID_OPTION, ERR_WEIGHTS_FORMAT (not a weight file, or a broken one),
   * ERR_WEIGHTS_MISMATCH (of another network), ERR_WEIGHTS_UNSAFE (a pickle that asks for more than tensors),
   * ERR_DEVICE, ERR_LIBTORCH, ERR_OUT_OF_MEMORY or ERR_ABORTED.
   */
  static async load(options: LoadOptions = {}): Promise<Pipeline> {
    const toError = errorsOf(Pipeline.load);
    const { native: nativeOptions, shipped } = await completeLoadOptions(options).catch((error) => {
      throw toError(error);
    });
    const { signal, onProgress } = options;
    throwIfAborted(signal);
    checkModelPaths(nativeOptions);
    const native = new (openAddonFor(nativeOptions.device).Pipeline)();
    try {
      await runTask((report) => native.load(nativeText(nativeOptions), report), {
        signal,
        onProgress: loadReport(onProgress),
        toError,
      });
      if (nativeOptions.subject !== undefined) await warmUpPictures();
      const description = describe(native, shipped);
      return new Pipeline(native, await openPromptEncoder(description), description, shipped, options);
    } catch (error) {
      await native.close();
      throw error;
    }
  }

  /**
   * Makes a video. Files and URLs are read at once; then the request waits while others are computed, those made before it
   * first. One whose files or URLs are still being read holds up none.
   *
   * Rejects with ERR_INVALID_OPTION, ERR_INVALID_IMAGE (a reference that can't be read), ERR_OUT_OF_MEMORY,
   * ERR_ABORTED or ERR_CLOSED, or with what `onProgress` threw.
   */
  async sample(request: AnyRequest): Promise<Video> {
    const toError = errorsOf(Pipeline.prototype.sample);
    this.#checkComputes();
    return this.#inTurn(request, (prepared) => this.#video(request, prepared, toError));
  }

  /**
   * Videos of one request that differ in their seeds alone, one after another: each is computed when it is asked for, and is what
   * `sample` makes with its seed, to the bit. Pictures are read once, and texts and references are encoded once.
   *
   * Throws as `sample` rejects.
   */
  async *samples(request: SamplesRequest): AsyncGenerator<Video, void, void> {
    const toError = errorsOf(Pipeline.prototype.samples);
    this.#checkComputes();
    const { seeds, listener, request: all } = readSeries(request);
    let first: Promise<PreparedRequest> | undefined;
    for (const [i, seed] of seeds.entries()) {
      const one = { ...all, onProgress: listener(i) };
      const prepare = async (ticket: number) => {
        first ??= this.#prepare(one, ticket);
        return withSeed(await first, seed, one);
      };
      yield await this.#inTurn(one, (prepared) => this.#video(one, prepared, toError), prepare);
    }
  }

  /**
   * As `sample`, for films that are too long to be in memory: the frames come one after another as they are decoded, and the
   * pipeline waits for whoever takes them. Resolves with the first frame.
   */
  async stream(request: AnyRequest): Promise<FilmStream> {
    const toError = errorsOf(Pipeline.prototype.stream);
    this.#checkComputes();
    const queue = new FrameQueue(request.signal);
    const asked = { ...request, signal: queue.signal };
    let complete: CompleteSampleRequest | undefined;
    queue.follow(
      this.#inTurn(asked, async (prepared) => {
        complete = prepared.complete;
        return (await this.#compute(asked, prepared, toError, queue)).warnings;
      }),
    );
    await queue.ready();
    // There is a frame, so it was set.
    return new FilmStream(complete as unknown as CompleteSampleRequest, queue);
  }

  /**
   * What a request would need of memory, by an estimate, and how it would be computed within what is allowed. Computes nothing; a
   * model loaded with `headersOnly` is enough for that.
   *
   * Rejects as `sample`, with ERR_OUT_OF_MEMORY where nothing keeps the request within `maxMemory`.
   */
  async plan(request: AnyRequest, options: PlanOptions = {}): Promise<MemoryPlan> {
    const toError = errorsOf(Pipeline.prototype.plan);
    this.#checkOpen();
    const place = checkPlanOptions({ ...this.#place, ...defined(options) });
    return this.#inTurn(request, async ({ native }) => {
      this.#checkOpen();
      return JSON.parse(
        await runTask(() => this.#native.plan(native, JSON.stringify(place)), {
          signal: request.signal,
          toError: (error) => this.#unlessClosed(toError(error), "the plan was made"),
        }),
      );
    });
  }

  /**
   * A film that goes on: the new frames are made with its last ones, which stay what they are. The result is the longer film; its
   * request is that of the new frames, and doesn't make the film again.
   *
   * Rejects as `sample`, and for a model that keeps no part of a film.
   */
  async extend(video: Video | VideoParts, request: ExtendRequest = {}): Promise<Video> {
    this.#checkComputes();
    const extension = new Extension(video, request);
    return extension.extended(await this.sample(extension.request));
  }

  /**
   * Puts these LoRAs in the place of those that are on, without loading the model again; `[]` takes all off and gives back the
   * very weights from before. It waits for the requests made before it, and those made after it wait for it.
   *
   * All files are checked before anything is changed, and where it rejects, nothing has: with ERR_INVALID_OPTION,
   * ERR_WEIGHTS_FORMAT, ERR_WEIGHTS_MISMATCH (a LoRA for another base), ERR_WEIGHTS_UNSAFE, ERR_OUT_OF_MEMORY, ERR_ABORTED
   * or ERR_CLOSED.
   */
  async setLora(lora: Loras, options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const toError = errorsOf(Pipeline.prototype.setLora);
    this.#checkComputes();
    const { loras, signal } = checkLoras(lora, options);
    checkLoraPaths(loras);
    const ticket = this.#requests++;
    const untilClosed = AbortSignal.any(signal ? [signal, this.#reading.signal] : [this.#reading.signal]);
    const unlessClosed = (error: CameoError) => this.#unlessClosed(error, "its LoRAs were changed");
    await this.#changes.change(signal, async () => {
      const local = await withHubModels({ lora: loras }, { signal: untilClosed }).catch((error) => {
        throw unlessClosed(error);
      });
      await this.#computing.take(ticket, signal, async () => {
        this.#checkOpen();
        await runTask(() => this.#native.setLora(nativeText(local)), {
          signal,
          toError: (error) => unlessClosed(toError(error)),
        });
        this.#description = describe(this.#native, this.#shipped);
      });
    });
  }

  /** What kind of model is loaded: "animatediff" ... Throws ERR_CLOSED after `close`, as `describe` does. */
  get family(): PipelineDescription["family"] {
    return this.describe().family;
  }

  /** What is loaded: networks, parameters, files, device and types. Throws ERR_CLOSED. */
  describe(): PipelineDescription {
    this.#checkOpen();
    return structuredClone(this.#description);
  }

  /** Ends what is read, runs or waits, which then rejects with ERR_CLOSED. When it resolves, the memory is free. */
  async close(): Promise<void> {
    this.#closing ??= this.#native.close();
    this.#reading.abort();
    await this.#closing;
  }

  /** What `await using` calls: `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Prepares a request at once, and does `work` with it when it is its turn. */
  async #inTurn<T>(
    request: AnyRequest,
    work: (prepared: PreparedRequest) => Promise<T>,
    prepare = (ticket: number) => this.#prepare(request, ticket),
  ): Promise<T> {
    const ticket = this.#requests++;
    return this.#changes.use(async (turn) => {
      const prepared = await prepare(ticket).catch((error) => {
        throw this.#unlessClosed(error);
      });
      await turn(request.signal);
      return this.#computing.take(ticket, request.signal, () => work(prepared));
    });
  }

  #prepare(request: AnyRequest, ticket: number): Promise<PreparedRequest> {
    return prepareRequest(
      request,
      this.#description,
      this.#encodePrompts,
      (decode) => this.#decoding.take(ticket, request.signal, decode),
      this.#reading.signal,
    );
  }

  async #video(
    request: AnyRequest,
    prepared: PreparedRequest,
    toError: ReturnType<typeof errorsOf>,
  ): Promise<Video> {
    const { frames, warnings } = await this.#compute(request, prepared, toError);
    return Video.from({ frames, request: prepared.complete, warnings });
  }

  /** The frames, or none where they go through a queue. */
  async #compute(
    request: AnyRequest,
    { native, warnings }: PreparedRequest,
    toError: ReturnType<typeof errorsOf>,
    queue?: FrameQueue,
  ): Promise<{ frames: Uint8Array; warnings: string[] }> {
    this.#checkOpen();
    const task = { signal: request.signal, toError: (error: unknown) => this.#unlessClosed(toError(error)) };
    const listener = progressListener(request);
    const onProgress = (progress: NativeProgress) => {
      const { frame, taken } = progress;
      if (frame && taken) queue?.push(frame.data, taken);
      return listener?.(progress);
    };
    const asked = queue ? { ...native, handOutFrames: true } : native;
    const references = native.pictures.reference ?? [];
    const [frames, unfamiliar] = await Promise.all([
      runTask((report) => this.#native.sample(asked, report), { ...task, onProgress }),
      this.#shipped ? warnOfUnfamiliar(this.#native, references, this.#shipped, task) : [],
    ]);
    return { frames, warnings: [...warnings, ...unfamiliar] };
  }

  #checkComputes(): void {
    this.#checkOpen();
    if (this.#computes) return;
    const message = "headersOnly: this model was loaded without its weights; load it without that option";
    throw new CameoError("ERR_INVALID_OPTION", message);
  }

  #checkOpen(): void {
    if (this.#closing) throw new CameoError("ERR_CLOSED", "the pipeline is closed; load another one");
  }

  #unlessClosed(error: CameoError, what = "the video was done"): CameoError {
    if (!this.#closing || error.code !== "ERR_ABORTED") return error;
    const closed = new CameoError("ERR_CLOSED", `the pipeline was closed before ${what}`);
    closed.stack = error.stack?.replace(/^.*/, `${closed.name}: ${closed.message}`) ?? "";
    return closed;
  }
}

function describe(native: NativePipeline, shipped: ShippedModel | undefined): PipelineDescription {
  return readDescription(native.describe(), shipped && { defaults: shipped.defaults });
}

/** Opening sharp holds up the event loop for a moment, which should not come in the middle of a request. */
async function warmUpPictures(): Promise<void> {
  const { loadSharp } = await import("./media/libraries.js");
  // Without sharp, pixels of the right size can still be references.
  await loadSharp().catch(() => {});
}
