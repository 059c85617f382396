import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { PipelineDescription } from "../description.js";
import { CameoError } from "../errors.js";
import { fileReason } from "../media/files.js";
import type { NativeSampleRequest } from "../native.js";
import { within } from "../options/check.js";
import { type PreparedRequest, prepareRequest } from "../prepared_request.js";
import type { PromptEncoder } from "../prompt_encoder.js";
import { Video } from "../video.js";
import type { ValidationRecipe } from "./recipe.js";

interface ValidationOptions {
  /** Where the `index`-th video goes, from 1. */
  path: (index: number) => string;
  sample: (request: NativeSampleRequest) => Promise<Uint8Array>;
  signal: AbortSignal | undefined;
}

/** So that the videos of different steps can be compared. */
const defaultSeed = 0;

/**
 * Checks the requests and reads their references, so that what is wrong with one ends a run before it starts: its error
 * names the request.
 */
export async function prepareValidation(
  requests: ValidationRecipe["requests"],
  description: PipelineDescription,
  encodePrompts: PromptEncoder | undefined,
): Promise<PreparedRequest[]> {
  const prepared: PreparedRequest[] = [];
  for (const [i, request] of requests.entries()) {
    try {
      prepared.push(await prepareRequest({ seed: defaultSeed, ...request }, description, encodePrompts));
    } catch (error) {
      within(`validation.requests[${i}]: `, () => {
        throw error;
      });
    }
  }
  return prepared;
}

/** Samples the requests, one after another. Resolves to the paths written; aborted, to those before. */
export async function makeValidationVideos(
  requests: readonly PreparedRequest[],
  { path, sample, signal }: ValidationOptions,
): Promise<string[]> {
  const paths: string[] = [];
  for (const [i, { native, complete, warnings }] of requests.entries()) {
    if (signal?.aborted) break;
    try {
      const video = Video.from({ frames: await sample(native), request: complete, warnings });
      await makeFolder(dirname(path(i + 1)));
      paths.push(...(await video.save(path(i + 1))));
    } catch (error) {
      if (signal?.aborted) break;
      throw error;
    }
  }
  return paths;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const advice = "remove what is in its way, and resume the run";
    throw new CameoError("ERR_MEDIA", `${folder} can't be made: ${fileReason(cause)}; ${advice}`, { cause });
  }
}
