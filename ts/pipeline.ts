import { openAddon } from "./addon.js";
import type { PipelineDescription } from "./description.js";
import { CameoError, errorsOf, throwIfAborted } from "./errors.js";
import type { NativePipeline, NativeSampleRequest, RgbImage } from "./native.js";
import { checkLoadOptions, type LoadOptions } from "./options/load.js";
import {
  type CompleteSampleRequest,
  checkOutputs,
  completeRequest,
  type SampleProgress,
  type SampleRequest,
} from "./options/sample.js";
import { EtaEstimate } from "./progress.js";
import { runTask } from "./task.js";
import { ClipTokenizer, type PromptTokens } from "./tokens/tokenizer.js";
import { Video } from "./video.js";

/**
 * A loaded model. It runs on a thread of its own, one request after another; several pipelines run side by side.
 *
 * It holds gigabytes until it is closed: use `await using`, or call `close()`.
 */
export class Pipeline implements AsyncDisposable {
  readonly #native: NativePipeline;
  readonly #tokenizer: ClipTokenizer;
  readonly #description: PipelineDescription;
  #closing: Promise<undefined> | undefined;
  #prepared: Promise<unknown> = Promise.resolve();

  private constructor(native: NativePipeline, tokenizer: ClipTokenizer, description: PipelineDescription) {
    this.#native = native;
    this.#tokenizer = tokenizer;
    this.#description = description;
  }

  /**
   * Loads a model. Rejects with ERR_INVALID_OPTION, ERR_WEIGHTS_FORMAT (not a weight file, or a broken one),
   * ERR_WEIGHTS_MISMATCH (of another network), ERR_WEIGHTS_UNSAFE (a pickle that asks for more than tensors),
   * ERR_DEVICE, ERR_LIBTORCH, ERR_OUT_OF_MEMORY or ERR_ABORTED.
   */
  static async load(options: LoadOptions = {}): Promise<Pipeline> {
    const toError = errorsOf(Pipeline.load);
    const nativeOptions = checkLoadOptions(options);
    const { signal, onProgress } = options;
    throwIfAborted(signal);
    const cuda = nativeOptions.device === "auto" ? {} : { cuda: nativeOptions.device.startsWith("cuda") };
    const native = new (openAddon(cuda).Pipeline)();
    try {
      await runTask((report) => native.load(nativeOptions, report), {
        signal,
        onProgress: onProgress && (({ step, steps }) => onProgress({ phase: "load", step, steps })),
        toError,
      });
      if (nativeOptions.subject !== undefined) await warmUpPictures();
      const description = JSON.parse(native.describe()) as PipelineDescription;
      return new Pipeline(native, await ClipTokenizer.load(description.tokenizer), description);
    } catch (error) {
      await native.close();
      throw error;
    }
  }

  /**
   * Makes a video. Requests wait for those made before, however long their references take to be read.
   *
   * Rejects with ERR_INVALID_OPTION, ERR_INVALID_IMAGE (a reference that can't be read), ERR_OUT_OF_MEMORY,
   * ERR_ABORTED or ERR_CLOSED, or with what `onProgress` threw.
   */
  async sample(request: SampleRequest): Promise<Video> {
    const toError = errorsOf(Pipeline.prototype.sample);
    this.#checkOpen();
    const complete = completeRequest(request, this.#description);
    const { signal, saveLatents } = request;
    throwIfAborted(signal);
    const prompt = this.#encode(complete.prompt);
    const negative = this.#encode(complete.negativePrompt);
    const references = await this.#inOrder(prepare(request, complete));
    throwIfAborted(signal);
    this.#checkOpen();
    const nativeRequest: NativeSampleRequest = {
      ...nativeParameters(complete),
      promptIds: prompt.ids,
      negativeIds: negative.ids,
      references,
      preview: request.preview ?? false,
      ...(saveLatents === undefined ? {} : { saveLatents }),
    };
    const frames = await runTask((report) => this.#native.sample(nativeRequest, report), {
      signal,
      onProgress: progressListener(request),
      toError: (error) => this.#unlessClosed(toError(error)),
    });
    const warnings = cutWarning("prompt", prompt);
    // The default is longer than CLIP reads, as its authors' program has it.
    if (request.negativePrompt !== undefined) warnings.push(...cutWarning("negative prompt", negative));
    return new Video(frames, complete, warnings);
  }

  /** What is loaded: networks, parameters, files, device and types. Throws ERR_CLOSED. */
  describe(): PipelineDescription {
    this.#checkOpen();
    return structuredClone(this.#description);
  }

  /** Ends what is running or waiting, which then rejects with ERR_CLOSED. When it resolves, the memory is free. */
  async close(): Promise<void> {
    this.#closing ??= this.#native.close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What is being prepared for a request, once every request made before has what it needs. */
  async #inOrder<T>(preparation: Promise<T>): Promise<T> {
    const before = this.#prepared;
    this.#prepared = Promise.allSettled([before, preparation]);
    await before;
    return await preparation;
  }

  #encode(text: string): PromptTokens {
    return this.#tokenizer.encode(text, this.#description.textPositions);
  }

  #checkOpen(): void {
    if (this.#closing) throw new CameoError("ERR_CLOSED", "the pipeline is closed; load another one");
  }

  #unlessClosed(error: CameoError): CameoError {
    if (!this.#closing || error.code !== "ERR_ABORTED") return error;
    const closed = new CameoError("ERR_CLOSED", "the pipeline was closed before the video was done");
    closed.stack = error.stack?.replace(/^.*/, `${closed.name}: ${closed.message}`) ?? "";
    return closed;
  }
}

function nativeParameters(complete: CompleteSampleRequest) {
  const { frames, width, height, steps, guidanceScale, scheduler, seed } = complete;
  const { referenceNoise, referenceNoiseMode, referenceLatents, vaeTiling } = complete;
  const size = { frames, width, height };
  const sampling = { steps, guidanceScale, scheduler, seed };
  return { ...size, ...sampling, referenceNoise, referenceNoiseMode, referenceLatents, vaeTiling };
}

/** Opening sharp holds up the event loop for a moment, which should not come in the middle of a request. */
async function warmUpPictures(): Promise<void> {
  const { loadSharp } = await import("./media/libraries.js");
  // Without sharp, pixels of the right size can still be references.
  await loadSharp().catch(() => {});
}

/** The references' pixels, once it is sure that there is a place for the outputs. */
async function prepare(
  request: SampleRequest,
  { reference, width, height, fit }: CompleteSampleRequest,
): Promise<RgbImage[]> {
  await checkOutputs(request);
  const { signal } = request;
  if (reference.length === 0) return [];
  const { readImage, fitImage } = await import("./media/index.js");
  return Promise.all(
    reference.map(async (source, i) => {
      const name = reference.length === 1 ? "reference" : `reference ${i + 1}`;
      const image = await readImage(source, { signal, name });
      return fitImage(image, width, height, fit);
    }),
  );
}

function progressListener({ onProgress }: SampleRequest) {
  if (!onProgress) return undefined;
  const eta = new EtaEstimate();
  return (progress: Parameters<EtaEstimate["update"]>[0] & { preview?: RgbImage }): unknown => {
    const etaSeconds = eta.update(progress, performance.now());
    const { step, steps, preview } = progress;
    return onProgress({
      phase: progress.phase as SampleProgress["phase"],
      step,
      steps,
      ...(etaSeconds === undefined ? {} : { etaSeconds }),
      ...(preview ? { preview } : {}),
    });
  };
}

function cutWarning(name: string, { cutAfter, kept, total }: PromptTokens): string[] {
  if (cutAfter === undefined) return [];
  return [`the ${name} was cut after "... ${cutAfter}" (${kept} of ${total} tokens)`];
}
