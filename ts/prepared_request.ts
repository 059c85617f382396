import { onAbort } from "./abort.js";
import type { PipelineDescription } from "./description.js";
import { withoutText } from "./encoded_prompts.js";
import { throwIfAborted } from "./errors.js";
import type { FilmFacts } from "./media/index.js";
import type { NativeSampleRequest, RgbImage } from "./native.js";
import { fastest, slowest } from "./options/defaults.js";
import { checkOutputs, checkRequest, completeRequest, nativeOptions } from "./options/sample.js";
import type {
  AnyRequest,
  CompleteSampleRequest,
  Loaded,
  SampleProgress,
  SampleRequest,
} from "./options/sample_options.js";
import { EtaEstimate } from "./progress.js";
import type { PromptEncoder } from "./prompt_encoder.js";
import { decodePictures, openPictures, openStartFilm, type Reading } from "./request_pictures.js";

/** A request as the native half takes it, and as the video remembers it. */
export interface PreparedRequest {
  native: NativeSampleRequest;
  complete: CompleteSampleRequest;
  /** What is done differently from what the request says. */
  warnings: string[];
}

/**
 * Checks and completes a request, encodes its prompts and reads its pictures: their bytes at once, and what is in them
 * when `inTurn` calls. Besides the request's own signal, `closing` ends the reading.
 */
export async function prepareRequest(
  request: AnyRequest,
  description: PipelineDescription,
  encodePrompts: PromptEncoder | undefined,
  inTurn = <T>(work: () => Promise<T>): Promise<T> => work(),
  closing?: AbortSignal,
): Promise<PreparedRequest> {
  const checked = checkRequest(request, description);
  const { signal, preview, saveLatents } = request;
  throwIfAborted(signal);
  const stop = new AbortController();
  const releases = [signal, closing].map((each) => onAbort(each, () => stop.abort(each?.reason)));
  const reading: Reading = { signal: stop.signal, films: new Map() };
  try {
    const film = await openStartFilm(checked, reading);
    const complete = completeRequest(request, withFilm(description, film));
    const prompts = encodePrompts?.(complete, description) ?? withoutText;
    checkOutputs(request);
    const opened = await openPictures(complete, reading, description);
    const pictures = await inTurn(() => decodePictures(opened, complete, stop.signal));
    throwIfAborted(signal);
    const options = nativeOptions({ ...complete, preview, saveLatents });
    return { native: { options, ...prompts.native, pictures }, complete, warnings: prompts.warnings };
  } finally {
    // Where one can't be read, the others' reading ends too.
    stop.abort();
    for (const release of releases) release();
  }
}

/** The same, with another seed. */
export function withSeed(
  { native, complete, warnings }: PreparedRequest,
  seed: number,
  { preview, saveLatents }: Pick<SampleRequest, "preview" | "saveLatents">,
): PreparedRequest {
  const own = Object.freeze({ ...complete, seed });
  const options = nativeOptions({ ...own, preview, saveLatents });
  return { native: { ...native, options }, complete: own, warnings };
}

/** A film says how many frames a request has that starts from it, and at which rate. */
export function withFilm(description: PipelineDescription, film: FilmFacts | undefined): Loaded {
  if (film === undefined) return description;
  const { count: frames, fps } = film;
  const rate = fps !== undefined && fps >= slowest && fps <= fastest ? { fps } : {};
  return { ...description, defaults: { ...description.defaults, frames, ...rate } };
}

/** Adds to a task's progress how long it still takes. */
export function progressListener({ onProgress }: Pick<SampleRequest, "onProgress">) {
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
