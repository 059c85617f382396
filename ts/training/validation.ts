import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { PipelineDescription } from "../description.js";
import type { NativeSampleRequest } from "../native.js";
import { prepareRequest } from "../prepared_request.js";
import type { ClipTokenizer } from "../tokens/tokenizer.js";
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

/** Samples the requests, one after another. Resolves to the paths written; aborted, to those before. */
export async function makeValidationVideos(
  requests: ValidationRecipe["requests"],
  description: PipelineDescription,
  tokenizer: ClipTokenizer,
  { path, sample, signal }: ValidationOptions,
): Promise<string[]> {
  const paths: string[] = [];
  for (const [i, request] of requests.entries()) {
    if (signal?.aborted) break;
    const seeded = { seed: defaultSeed, ...request };
    const { native, complete, warnings } = await prepareRequest(seeded, description, tokenizer);
    try {
      const video = new Video(await sample(native), complete, warnings);
      await mkdir(dirname(path(i + 1)), { recursive: true });
      paths.push(...(await video.save(path(i + 1))));
    } catch (error) {
      if (signal?.aborted) break;
      throw error;
    }
  }
  return paths;
}
