import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { CameoError } from "../errors.js";
import { fileReason } from "../media/files.js";
import type { TokenizerFiles } from "../tokens/files.js";
import { ClipTokenizer } from "../tokens/tokenizer.js";
import { clipSize, type Size } from "./clip.js";
import { findFiles } from "./files.js";
import {
  makeSample,
  type Sample,
  type SampleRequest,
  type SampleSettings,
  UnreadableFrames,
} from "./sample.js";
import type { Entry } from "./sources/index.js";

export interface WorkerSettings extends SampleSettings {
  tokenizer: TokenizerFiles;
}

export interface Failure {
  /** One line that names the clip. */
  failure: string;
  /** Whether it would be the same wherever the clip stands. */
  lasting: boolean;
}

/** Becomes 1 where the tasks that hold it are to end soon. Threads can't be ended while they decode. */
export type StopFlag = Int32Array<SharedArrayBuffer>;

const { tokenizer: tokenizerFiles, ...settings } = workerData as WorkerSettings;
const tokenizer = new ClipTokenizer(tokenizerFiles);
/** How often the flag is looked at. */
const stopCheckMs = 10;

/** The sample of a clip, or why there is none. */
export async function sample(task: SampleRequest & { stop: StopFlag }): Promise<Sample | Failure> {
  const controller = new AbortController();
  const check = () => {
    if (Atomics.load(task.stop, 0) !== 0) controller.abort();
  };
  check();
  const timer = setInterval(check, stopCheckMs);
  try {
    controller.signal.throwIfAborted();
    return transferred(await makeSample(task, settings, tokenizer, controller.signal));
  } catch (error) {
    return { failure: describe(task.entry, error), lasting: !(error instanceof UnreadableFrames) };
  } finally {
    clearInterval(timer);
  }
}

/** The size of each clip, or why it can't be told. */
export async function sizes({
  entries,
  stop,
}: {
  entries: Entry[];
  stop: StopFlag;
}): Promise<(Size | Failure)[]> {
  const found: (Size | Failure)[] = [];
  for (const entry of entries) {
    if (Atomics.load(stop, 0) !== 0) break;
    try {
      found.push(await clipSize((await findFiles(entry, settings.data)).clip));
    } catch (error) {
      found.push({ failure: describe(entry, error), lasting: true });
    }
  }
  return found;
}

function describe({ paths: [path = ""] }: Entry, error: unknown): string {
  const reason = fileReason(error).trim().replace(/\s+/g, " ");
  const saysWhich = error instanceof CameoError || reason.startsWith(path);
  return saysWhich ? reason : `${path}: ${reason}`;
}

/** Hands over the sample's arrays without a copy. */
function transferred(sample: Sample): Sample {
  const { ids, frames, references, latents } = sample;
  const arrays = [ids, frames, references, latents?.mean, latents?.logVariance];
  const buffers = arrays.flatMap((array) => array?.buffer ?? []);
  return move({ [transferableSymbol]: buffers, [valueSymbol]: sample } as never) as unknown as Sample;
}
