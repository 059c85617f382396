import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { openAddon } from "./addon.js";
import { CameoError, errorsOf, throwIfAborted } from "./errors.js";
import { exists, fileReason } from "./media/files.js";
import { invalid } from "./options/check.js";
import { closestName } from "./options/closest.js";
import { quoted } from "./quote.js";
import { runTask } from "./task.js";
import { writeClipTokenizer } from "./tokens/clip_vocabulary.js";

/** A layout that `convert` writes. */
export type Layout = "diffusers" | "original" | "kohya" | "peft";

const layouts: readonly Layout[] = ["diffusers", "original", "kohya", "peft"];

/** What `convert` takes beside its two paths. */
export interface ConvertOptions {
  /**
   * "diffusers" (folders, and diffusers' names) or "original" (one file, with the names of those who made the model first);
   * of a LoRA "kohya" or "peft". Default: the one that the input is not in.
   */
  to?: Layout | undefined;
  /** Ends the writing; the promise then rejects with ERR_ABORTED, and nothing is left. */
  signal?: AbortSignal | undefined;
  /** Called while tensors are written; what it throws, the promise rejects with. */
  onProgress?: ((progress: ConvertProgress) => void) | undefined;
}

/** How far a conversion is. */
export interface ConvertProgress {
  /** Tells it from other progress. */
  phase: "convert";
  /** Tensors written, of `steps`. */
  step: number;
  /** Tensors in all. */
  steps: number;
}

/** What `convert` wrote. */
export interface Converted {
  /** What it was, as `cameo inspect` names it: "ldm-checkpoint" ... */
  kind: string;
  /** The layout that it has now. */
  target: Layout;
  /** The files that were written. */
  files: string[];
}

/**
 * Writes the same weights in another layout: checkpoints in one file and diffusers' folders, VAEs, motion modules, LoRAs.
 * Every tensor keeps its bytes and its type. `output` appears when it is whole.
 *
 * Rejects with ERR_INVALID_OPTION where `output` is there already or the input has no such layout, with
 * ERR_WEIGHTS_MISMATCH where the layout can't say what the model is, with ERR_CHECKPOINT where it can't be written, and as
 * `Pipeline.load` does for the input.
 */
export async function convert(
  input: string,
  output: string,
  { to, signal, onProgress }: ConvertOptions = {},
): Promise<Converted> {
  const toError = errorsOf(convert);
  throwIfAborted(signal);
  if (to !== undefined) checkLayout(to);
  if (await exists(output)) throw invalid(`${quoted(output)} is there already; give another name`);
  const target = resolve(output);
  const work = await makeWorkFolder(dirname(target));
  try {
    const written = join(work, basename(target));
    const options = JSON.stringify({ input, output: written, ...(to && { target: to }) });
    const text = await runTask((report) => openAddon({ cuda: false }).convert(options, report), {
      signal,
      onProgress: onProgress && (({ step, steps }) => onProgress({ phase: "convert", step, steps })),
      toError,
    });
    const converted = JSON.parse(text) as Converted;
    const isCheckpoint = converted.kind === "ldm-checkpoint" && converted.target === "diffusers";
    const tokenizer = isCheckpoint ? await writeClipTokenizer(join(written, "tokenizer")) : [];
    await rename(written, target);
    const files = [...converted.files, ...tokenizer];
    return { ...converted, files: files.map((file) => join(output, relative(written, file))) };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Beside the output, so that what is whole can be moved there. */
async function makeWorkFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    return await mkdtemp(join(folder, ".cameo-convert-"));
  } catch (cause) {
    const message = `${folder}: nothing can be written there (${fileReason(cause)})`;
    throw new CameoError("ERR_CHECKPOINT", message, { cause });
  }
}

function checkLayout(to: string): void {
  if (layouts.includes(to as Layout)) return;
  const near = closestName(to, layouts);
  const names = layouts.map((name) => `"${name}"`).join(", ");
  throw invalid(
    `to: ${quoted(to)} is not a layout; ${near ? `did you mean "${near}"?` : `the layouts are ${names}`}`,
  );
}
