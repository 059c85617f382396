import type { PipelineDescription } from "./description.js";
import { throwIfAborted } from "./errors.js";
import type { NativeSampleRequest, RgbImage } from "./native.js";
import {
  type CompleteSampleRequest,
  checkOutputs,
  completeRequest,
  type SampleProgress,
  type SampleRequest,
} from "./options/sample.js";
import { EtaEstimate } from "./progress.js";
import type { ClipTokenizer, PromptTokens } from "./tokens/tokenizer.js";

/** A request as the native half takes it, and as the video remembers it. */
export interface PreparedRequest {
  native: NativeSampleRequest;
  complete: CompleteSampleRequest;
  /** What is done differently from what the request says. */
  warnings: string[];
}

/** Checks and completes a request, encodes its prompts and reads its references. */
export async function prepareRequest(
  request: SampleRequest,
  description: PipelineDescription,
  tokenizer: ClipTokenizer,
): Promise<PreparedRequest> {
  const complete = completeRequest(request, description);
  const { signal, saveLatents } = request;
  throwIfAborted(signal);
  const prompt = tokenizer.encode(complete.prompt, description.textPositions);
  const negative = tokenizer.encode(complete.negativePrompt, description.textPositions);
  await checkOutputs(request);
  const references = await readReferences(complete, signal);
  throwIfAborted(signal);
  const warnings = cutWarning("prompt", prompt);
  // The default is longer than CLIP reads, as its authors' program has it.
  if (request.negativePrompt !== undefined) warnings.push(...cutWarning("negative prompt", negative));
  const native: NativeSampleRequest = {
    ...nativeParameters(complete),
    promptIds: prompt.ids,
    negativeIds: negative.ids,
    references,
    preview: request.preview ?? false,
    ...(saveLatents === undefined ? {} : { saveLatents }),
  };
  return { native, complete, warnings };
}

function nativeParameters(complete: CompleteSampleRequest) {
  const { frames, width, height, steps, guidanceScale, scheduler, seed } = complete;
  const { referenceNoise, referenceNoiseMode, referenceLatents, vaeTiling } = complete;
  const size = { frames, width, height };
  const { guidanceRange, cacheInterval, cacheLayers, tokenMerging } = complete;
  const [guidanceFrom, guidanceTo] = guidanceRange;
  const sampling = { steps, guidanceScale, guidanceFrom, guidanceTo, scheduler, seed };
  const lessWork = { cacheInterval, cacheLayers, tokenMerging };
  return {
    ...size,
    ...sampling,
    ...lessWork,
    referenceNoise,
    referenceNoiseMode,
    referenceLatents,
    vaeTiling,
  };
}

async function readReferences(
  { reference, width, height, fit }: CompleteSampleRequest,
  signal: AbortSignal | undefined,
): Promise<RgbImage[]> {
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

/** Adds to a task's progress how long it still takes. */
export function progressListener({ onProgress }: SampleRequest) {
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
