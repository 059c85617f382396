import { errorsOf } from "../../errors.js";
import { median } from "../../median.js";
import type { NativePipeline, NativeProgress, NativeSampleRequest, RgbImage } from "../../native.js";
import type { LoadProgress } from "../../options/load_options.js";
import { runTask, type TaskOptions } from "../../task.js";
import type { BenchModel } from "./model.js";
import { type Parts, requestOf, type Work } from "./work.js";

export interface Watch extends Pick<TaskOptions, "signal"> {
  onProgress?: ((progress: LoadProgress | NativeProgress) => void) | undefined;
}

/** Seconds of each part of a sampling; those of a reference are 0 where there is none. */
export interface PartSeconds extends Parts {
  text: number;
}

/**
 * What `work` takes of `model`; the first step and the first frame, which warm up, are left out. Rejects as
 * `Pipeline.sample` does.
 */
export async function measureParts(
  { native, description }: BenchModel,
  work: Work,
  watch: Watch,
): Promise<PartSeconds> {
  // A GPU is waited for where pixels are fetched from it: that is what previews are for here.
  const onGpu = description.device !== "cpu";
  const request = requestOf(work, description.textPositions, onGpu);
  const { encode, denoise, decode } = await intervals(native, request, watch);
  const [text = 0, ...references] = encode;
  const frame = median(decode.length > 1 ? decode.slice(1) : decode);
  const [picture] = request.pictures.reference ?? [];
  const reference =
    onGpu && picture ? (await reconstructionSeconds(native, picture, watch)) - frame : median(references);
  return { text, reference, step: median(denoise.slice(1)), frame };
}

/** Of encoding a picture and decoding it again. */
async function reconstructionSeconds(
  native: NativePipeline,
  picture: RgbImage,
  { signal }: Watch,
): Promise<number> {
  const start = performance.now();
  await runTask(() => native.reconstruct(picture), { signal, toError: errorsOf(measureParts) });
  return (performance.now() - start) / 1000;
}

/** Seconds from each progress event to the next, by the phase that ends with it. */
async function intervals(
  native: NativePipeline,
  request: NativeSampleRequest,
  { signal, onProgress }: Watch,
): Promise<Record<NativeProgress["phase"], number[]>> {
  const seconds: Record<NativeProgress["phase"], number[]> = {
    load: [],
    encode: [],
    denoise: [],
    decode: [],
  };
  let last = performance.now();
  await runTask((report) => native.sample(request, report), {
    signal,
    onProgress: (progress) => {
      const now = performance.now();
      seconds[progress.phase].push((now - last) / 1000);
      last = now;
      return onProgress?.(progress);
    },
    toError: errorsOf(measureParts),
  });
  return seconds;
}
