import { createHash } from "node:crypto";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import { fileReason } from "../media/files.js";
import { loadMediabunny, loadSharp, loadWebcodecs } from "../media/libraries.js";
import { isFilm } from "../media/names.js";
import { tokenizerFiles } from "../tokens/clip_vocabulary.js";
import type { TokenizerFiles } from "../tokens/files.js";
import type { CompleteDataRecipe } from "../training/complete_types.js";
import type { Recipe } from "../training/recipe.js";
import { type Buckets, sortIntoBuckets } from "./buckets.js";
import { findFiles } from "./files.js";
import { Order } from "./order.js";
import { prefetch } from "./prefetch.js";
import type { Sample, SampleSettings } from "./sample.js";
import { type Entry, nothingReadable, readEntries } from "./sources/index.js";
import type { Failure } from "./worker.js";
import { DataWorkers } from "./workers.js";

/** Clips that are tried for one position before the data set is given up. */
const maxAttempts = 1000;

/** What a source names, before any clip is opened. */
export interface ClipList {
  entries: Entry[];
  /** What is known not to be usable, and why. */
  unusable: [clip: string, reason: CameoError][];
}

/**
 * Reads the list of clips. ERR_DATASET where the source can't be read, has nothing in it or names only what isn't there,
 * ERR_MEDIA where a library that is needed isn't installed.
 */
export async function listClips(data: CompleteDataRecipe, kind: Recipe["kind"]): Promise<ClipList> {
  const unusable: ClipList["unusable"] = [];
  const entries = await readEntries(data, kind, (clip, reason) => unusable.push([clip, reason]));
  await mustHaveFiles(entries, data);
  await loadLibraries(entries);
  return { entries, unusable };
}

/** Of one clip at least; all of them are looked for only where none is there. */
async function mustHaveFiles(entries: Entry[], data: CompleteDataRecipe): Promise<void> {
  let first: CameoError | undefined;
  for (const entry of entries) {
    try {
      await findFiles(entry, data);
      return;
    } catch (error) {
      first ??= new CameoError("ERR_DATASET", `${entry.paths[0]}: ${fileReason(error)}`);
    }
  }
  if (first) throw nothingReadable(data.source, first);
}

export interface TrainingDataOptions extends Omit<SampleSettings, "data"> {
  kind: Recipe["kind"];
  /** The tokenizer's folder. */
  tokenizer: string | null;
  /** Samples in a micro-batch. */
  batch: number;
  /** Is told once of each clip that is left out, and why; ERR_DATASET. */
  onSkip: (clip: string, reason: CameoError) => void;
  /** What `listClips` gave, where that was asked already. */
  list?: ClipList | undefined;
  /** Ends the opening. */
  signal?: AbortSignal | undefined;
}

interface Parts extends Pick<TrainingData, "fingerprint"> {
  data: CompleteDataRecipe;
  entries: Entry[];
  order: Order;
  workers: DataWorkers;
  batch: number;
  skips: Skips;
}

/**
 * The samples of a training run, in an endless sequence. What stands at a position depends on the seed, the clips and
 * the settings alone: not on the number of workers, on where a run was resumed, or on how many processes share it.
 */
export class TrainingData implements AsyncDisposable {
  /** Clips with a caption that the source names. */
  readonly clips: number;
  /** Hash of the clips' names, captions and motion, and of all settings that say what a sample is. */
  readonly fingerprint: string;
  readonly #parts: Parts;
  /** One for each consumer of batches. */
  readonly #stops = new Set<AbortController>();
  #waitedSeconds = 0;
  #closing: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.clips = parts.entries.length;
    this.fingerprint = parts.fingerprint;
  }

  /**
   * Reads the list of clips, and with several sizes or masks each clip's own size. ERR_DATASET where the source can't be read or
   * nothing in it can, ERR_MEDIA where a library that is needed isn't installed, ERR_ABORTED.
   */
  static async open(data: CompleteDataRecipe, options: TrainingDataOptions): Promise<TrainingData> {
    const { kind, batch, seed, onSkip, signal } = options;
    throwIfAborted(signal);
    const skips = new Skips(data.source, onSkip);
    const { entries, unusable } = options.list ?? (await listClips(data, kind));
    for (const [clip, reason] of unusable) skips.report(clip, reason);
    const tokenizer = await tokenizerFiles(options.tokenizer);
    throwIfAborted(signal);
    const { textPositions, latentStride, latentTimeStride, latentChannels, cacheKey } = options;
    const latents = { latentStride, latentTimeStride, latentChannels };
    const settings = { data, textPositions, ...latents, seed, cacheKey };
    const workers = new DataWorkers({ ...settings, tokenizer }, data.workers);
    try {
      const sorted = await sortUntilAborted(entries, data, workers, signal);
      for (const [clip, failure] of sorted.failures) skips.unreadable(clip, entries[clip] as Entry, failure);
      if (skips.lasting.size === entries.length) throw skips.nothingReadable();
      const order = new Order(sorted.buckets, batch, seed);
      const fingerprint = fingerprintOf(entries, sorted, tokenizer, data, options);
      return new TrainingData({ data, entries, order, workers, batch, skips, fingerprint });
    } catch (error) {
      await workers.close();
      throw error;
    }
  }

  /** Clips that were left out so far: not in the list, such as those without a caption, or found unreadable. */
  get skipped(): number {
    return this.#parts.skips.count;
  }

  /** How long the consumers of `batches` waited in all. */
  get waitedSeconds(): number {
    return this.#waitedSeconds;
  }

  /**
   * The micro-batches `first`, `first + stride` ... of the sequence, made ahead in order. Ends with ERR_DATASET where
   * nothing can be read, ERR_ABORTED, or ERR_CLOSED.
   */
  async *batches(options: {
    first: number;
    stride: number;
    signal?: AbortSignal | undefined;
  }): AsyncGenerator<Sample[], void> {
    if (this.#closing) throw closedError();
    const { first, stride, signal } = options;
    throwIfAborted(signal);
    const { data, batch } = this.#parts;
    const stop = new AbortController();
    this.#stops.add(stop);
    const abort = () => signal && stop.abort(abortError(signal));
    signal?.addEventListener("abort", abort, { once: true });
    const onWait = (seconds: number) => {
      this.#waitedSeconds += seconds;
    };
    const sampleOf = (index: number) => {
      const position = (first + stride * Math.floor(index / batch)) * batch + (index % batch);
      return this.#sample(position, stop.signal);
    };
    const source = prefetch(sampleOf, { batch, limit: data.prefetch, onWait });
    try {
      for (;;) yield (await unlessAborted(source.next(), stop.signal)).value;
    } finally {
      signal?.removeEventListener("abort", abort);
      stop.abort(closedError());
      this.#stops.delete(stop);
    }
  }

  /** Ends the workers; what still waits for a batch is rejected with ERR_CLOSED. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const stop of this.#stops) stop.abort(closedError());
    await this.#parts.workers.close();
  }

  async #sample(position: number, stop: AbortSignal): Promise<Sample> {
    const { data, entries, order, workers, skips } = this.#parts;
    let { bucket, clip } = order.at(position);
    const [width, height] = data.size[bucket] as [number, number];
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const entry = entries[clip] as Entry;
      if (!skips.lasting.has(clip)) {
        stop.throwIfAborted();
        const made = await workers.sample({ position, entry, width, height }, stop);
        if (!("failure" in made)) return made;
        skips.unreadable(clip, entry, made);
      }
      if (skips.lasting.size === entries.length) break;
      clip = order.replacement(position, bucket, attempt);
    }
    throw skips.nothingReadable();
  }
}

/** The clips that are left out, each reported once. */
class Skips {
  /** Indices of clips that can't be read wherever they stand: they aren't tried again. */
  readonly lasting = new Set<number>();
  count = 0;
  readonly #reported = new Set<number>();
  readonly #source: string;
  readonly #onSkip: TrainingDataOptions["onSkip"];
  #first: CameoError | undefined;

  constructor(source: string, onSkip: TrainingDataOptions["onSkip"]) {
    this.#source = source;
    this.#onSkip = onSkip;
  }

  report(clip: string, reason: CameoError): void {
    this.count++;
    this.#onSkip(clip, reason);
  }

  unreadable(clip: number, { paths }: Entry, { failure, lasting }: Failure): void {
    if (lasting) this.lasting.add(clip);
    const reason = new CameoError("ERR_DATASET", failure);
    this.#first ??= reason;
    if (this.#reported.has(clip)) return;
    this.#reported.add(clip);
    this.report(paths[0] as string, reason);
  }

  nothingReadable(): CameoError {
    return nothingReadable(this.#source, this.#first as CameoError);
  }
}

function closedError(): CameoError {
  return new CameoError("ERR_CLOSED", "the training data is closed; open it again");
}

/** Workers can't tell a library that is missing from a clip that can't be read. */
async function loadLibraries(entries: Entry[]): Promise<void> {
  await loadSharp();
  if (entries.some(({ paths }) => paths.some(isFilm))) await Promise.all([loadWebcodecs(), loadMediabunny()]);
}

async function sortUntilAborted(
  entries: Entry[],
  data: CompleteDataRecipe,
  workers: DataWorkers,
  signal: AbortSignal | undefined,
): Promise<Buckets> {
  const stop = new AbortController();
  const abort = () => signal && stop.abort(abortError(signal));
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const sorting = sortIntoBuckets(entries, data, workers, stop.signal);
    return await unlessAborted(sorting, stop.signal);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * What the promise gives, or the signal's reason as soon as it is aborted. A race with one promise for the whole run
 * would keep every batch that ever won it.
 */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function fingerprintOf(
  entries: Entry[],
  { buckets }: Buckets,
  tokenizer: TokenizerFiles,
  { size, fit, cropPosition, start, frames, stride, references, masks, cache }: CompleteDataRecipe,
  {
    kind,
    textPositions,
    latentStride,
    latentTimeStride,
    latentChannels,
    seed,
    batch,
    cacheKey,
  }: TrainingDataOptions,
): string {
  const hash = createHash("sha256");
  const drawn = { size, fit, cropPosition, start, frames, stride, references, masks: masks !== undefined };
  const latents = { latentStride, latentTimeStride, latentChannels };
  const model = { kind, textPositions, ...latents, cacheKey, tokenizer };
  hash.update(JSON.stringify({ ...drawn, ...model, variants: cache?.variants, seed, batch }));
  for (const { name, caption, mask, motionBucket } of entries) {
    // Runs on lists that say nothing of motion keep their fingerprints.
    const motion = motionBucket === undefined ? [] : [motionBucket];
    hash.update(JSON.stringify([name, caption, mask !== undefined, ...motion]));
  }
  for (const clips of buckets) hash.update(JSON.stringify(clips.length)).update(clips);
  return hash.digest("hex");
}
