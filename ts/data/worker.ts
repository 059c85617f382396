import { CameoError } from "../errors.js";
import { fileReason } from "../media/files.js";
import type { TokenizerFiles } from "../tokens/files.js";
import { ClipTokenizer } from "../tokens/tokenizer.js";
import { clipSize, type Size } from "./clip.js";
import { findClip, findMasks } from "./files.js";
import {
  makeSample,
  type Sample,
  type SampleRequest,
  type SampleSettings,
  UnreadableFrames,
} from "./sample.js";
import type { Entry } from "./sources/index.js";

/** What a worker is told first. */
export interface WorkerSettings extends SampleSettings {
  tokenizer: TokenizerFiles;
}

/** What a worker is told then, one at a time; it answers each. */
export type WorkerTask = { sample: SampleRequest } | { sizes: Entry[] };

export interface Failure {
  /** One line that names the clip. */
  failure: string;
  /** Whether it would be the same wherever the clip stands. */
  lasting: boolean;
}

type Answer = (task: WorkerTask) => Promise<Sample | Failure | (Size | Failure)[]>;

function answerWith({ tokenizer: files, ...settings }: WorkerSettings): Answer {
  const tokenizer = new ClipTokenizer(files);
  return async (task) => {
    if ("sample" in task) return sampleOf(task.sample, settings, tokenizer);
    const sizes: (Size | Failure)[] = [];
    for (const entry of task.sizes) sizes.push(await sizeOf(entry, settings));
    return sizes;
  };
}

async function sampleOf(request: SampleRequest, settings: SampleSettings, tokenizer: ClipTokenizer) {
  try {
    return await makeSample(request, settings, tokenizer);
  } catch (error) {
    return { failure: describe(request.entry, error), lasting: !(error instanceof UnreadableFrames) };
  }
}

async function sizeOf(entry: Entry, { data }: SampleSettings): Promise<Size | Failure> {
  try {
    // What is wrong with the clip itself comes before a mask that it may not be worth.
    const size = await clipSize(await findClip(entry));
    await findMasks(entry, data);
    return size;
  } catch (error) {
    return { failure: describe(entry, error), lasting: true };
  }
}

function describe({ paths: [path = ""] }: Entry, error: unknown): string {
  const reason = fileReason(error).trim().replace(/\s+/g, " ");
  const saysWhich = error instanceof CameoError || reason.startsWith(path);
  return saysWhich ? reason : `${path}: ${reason}`;
}

let answer: Answer | undefined;
process.on("message", async (message: WorkerSettings | WorkerTask) => {
  if ("tokenizer" in message) answer = answerWith(message);
  else process.send?.(await answer?.(message));
});
// A terminal's signals reach workers too; but the trainer may need them until its step ends, and then ends them.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
// The trainer is gone. Codecs that are at work are not to be torn down one by one.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
