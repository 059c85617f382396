import type { PipelineDescription } from "../../description.js";
import type { NativeSampleRequest, RgbImage } from "../../native.js";
import { decoderOperations, encoderOperations, total, unetOperations } from "../../operations.js";
import { defaultFrames } from "../../options/defaults.js";
import { completeRequest, nativeOptions } from "../../options/sample.js";
import type { ModelShape } from "./model.js";

/** The part of a request that its time depends on. */
export interface Work {
  width: number;
  height: number;
  frames: number;
  references: number;
  steps: number;
  guidanceScale: number;
}

/** What may be asked for; where nothing is said, the model's own. */
export type WantedWork = { [K in "width" | "height" | "frames" | "steps"]?: number | undefined };

/** What `wanted` is for a model. Throws ERR_INVALID_OPTION for what the model can't do. */
export function workOf(description: PipelineDescription, wanted: WantedWork = {}): Work {
  const [width, height] = description.defaultSize;
  const references = description.subject ? 1 : 0;
  const most = (description.motion?.maxFrames ?? 1) - references;
  const request = completeRequest(
    {
      prompt: "",
      reference: Array.from({ length: references }, () => gradient(width, height)),
      ...wanted,
      frames: wanted.frames ?? Math.min(defaultFrames(description.motion !== null), most),
    },
    description,
  );
  return {
    ...{ width: request.width, height: request.height, frames: request.frames, references },
    ...{ steps: request.steps, guidanceScale: request.guidanceScale },
  };
}

/** A request of that much work; what it shows does not matter. */
export function requestOf(work: Work, textPositions: number, preview = false): NativeSampleRequest {
  const { width, height, frames, references, steps, guidanceScale } = work;
  const ids = Int32Array.from({ length: textPositions }, (_, i) => 1 + (i % 16));
  return {
    promptIds: ids,
    negativeIds: ids,
    pictures: { reference: Array.from({ length: references }, () => gradient(width, height)) },
    options: nativeOptions({ frames, width, height, steps, guidanceScale, seed: 0, preview }),
  };
}

function gradient(width: number, height: number): RgbImage {
  const data = Uint8Array.from(
    { length: 3 * width * height },
    (_, i) => (256 * (Math.floor(i / 3) % width)) / width,
  );
  return { data, width, height };
}

/** Of the parts of a sampling: floating-point operations, or seconds. */
export interface Parts {
  /** A denoising step, both halves of guidance included. */
  step: number;
  /** The encoding of one reference. */
  reference: number;
  /** The decoding of one frame. */
  frame: number;
}

/** The operations of each part. */
export function operationsOf(
  { unet, motion, vae }: ModelShape,
  { width, height, frames, references, guidanceScale }: Work,
  { latentScale, textPositions }: PipelineDescription,
): Parts {
  const latents = { width: width / latentScale, height: height / latentScale };
  const input = { ...latents, frames, references, textTokens: textPositions };
  return {
    step: (guidanceScale > 1 ? 2 : 1) * total(unetOperations(unet, motion, input)),
    reference: total(encoderOperations(vae, { width, height })),
    frame: total(decoderOperations(vae, latents)),
  };
}

/** Seconds of each part of `wanted`, if its operations are as fast as those of `measured`. */
export function scaled(seconds: Parts, measured: Parts, wanted: Parts): Parts {
  const scale = (part: keyof Parts) => (seconds[part] * wanted[part]) / measured[part];
  return { step: scale("step"), reference: scale("reference"), frame: scale("frame") };
}

/** Seconds of a whole sampling but for its text. */
export function sumOf(seconds: Parts, { steps, references, frames }: Work): number {
  return steps * seconds.step + references * seconds.reference + frames * seconds.frame;
}
