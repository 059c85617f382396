import { onAbort } from "./abort.js";
import type { PipelineDescription } from "./description.js";
import { encodePrompts } from "./encoded_prompts.js";
import { CameoError, throwIfAborted } from "./errors.js";
import type { OpenImage } from "./media/index.js";
import type { NativeSampleRequest, RgbImage } from "./native.js";
import { picturesOf, type RequestPicture } from "./options/pictures.js";
import { checkOutputs, completeRequest, nativeOptions } from "./options/sample.js";
import type { CompleteSampleRequest, SampleProgress, SampleRequest } from "./options/sample_options.js";
import { EtaEstimate } from "./progress.js";
import type { ClipTokenizer } from "./tokens/tokenizer.js";

let media: Promise<typeof import("./media/index.js")> | undefined;

/** Only where there are pictures; by one promise for all, so that requests don't overtake one another here. */
function loadMedia(): Promise<typeof import("./media/index.js")> {
  media ??= import("./media/index.js");
  return media;
}

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
  request: SampleRequest,
  description: PipelineDescription,
  tokenizer: ClipTokenizer,
  inTurn = <T>(work: () => Promise<T>): Promise<T> => work(),
  closing?: AbortSignal,
): Promise<PreparedRequest> {
  const complete = completeRequest(request, description);
  const { signal, preview, saveLatents } = request;
  throwIfAborted(signal);
  const prompts = encodePrompts(complete, description, tokenizer);
  checkOutputs(request);
  const named = picturesOf(complete);
  const opened = await openPictures(named, [signal, closing]);
  const images = await inTurn(() => decodePictures(opened, complete, signal));
  throwIfAborted(signal);
  const native: NativeSampleRequest = {
    options: nativeOptions({ ...complete, preview, saveLatents }),
    ...prompts.native,
    pictures: byList(named, images),
  };
  return { native, complete, warnings: prompts.warnings };
}

function byList(named: readonly RequestPicture[], images: readonly RgbImage[]): Record<string, RgbImage[]> {
  const lists: Record<string, RgbImage[]> = {};
  for (const [i, { list }] of named.entries()) {
    lists[list] ??= [];
    lists[list].push(images[i] as RgbImage);
  }
  return lists;
}

/**
 * Rejects with ERR_INVALID_IMAGE where a picture can't be read, before a model is loaded for it: files are looked at, and
 * URLs are not fetched.
 */
export async function checkPictureFiles(request: Partial<SampleRequest>): Promise<void> {
  const pictures = picturesOf(request);
  if (pictures.length === 0) return;
  const { checkImage } = await loadMedia();
  for (const { source, name } of pictures) await checkImage(source, { name });
}

/** All headers are looked at before anything is decoded, and one picture is decoded at a time. */
async function decodePictures(
  opened: OpenImage[],
  { width, height, fit }: CompleteSampleRequest,
  signal: AbortSignal | undefined,
): Promise<RgbImage[]> {
  if (opened.length === 0) return [];
  const { fitImage, maxPixels } = await loadMedia();
  let pixels = 0;
  for (const image of opened) {
    const size = await image.size();
    pixels += size.width * size.height;
    if (pixels <= maxPixels) continue;
    const message = `${image.name}: with those before it, it has more than ${maxPixels} pixels; scale them down`;
    throw new CameoError("ERR_INVALID_IMAGE", message);
  }
  const images: RgbImage[] = [];
  for (const image of opened) {
    throwIfAborted(signal);
    images.push(await fitImage(await image.decode(), width, height, fit));
  }
  return images;
}

/** Where one can't be read, the others' reading ends too. */
async function openPictures(
  pictures: readonly RequestPicture[],
  signals: readonly (AbortSignal | undefined)[],
): Promise<OpenImage[]> {
  if (pictures.length === 0) return [];
  const { ByteBudget, openImage } = await loadMedia();
  const budget = new ByteBudget();
  const stop = new AbortController();
  const releases = signals.map((signal) => onAbort(signal, () => stop.abort(signal?.reason)));
  const opening = pictures.map(({ source, name }) =>
    openImage(source, { signal: stop.signal, budget, name }),
  );
  try {
    return await Promise.all(opening);
  } catch (error) {
    stop.abort();
    throw error;
  } finally {
    for (const release of releases) release();
  }
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
