import { openAddonFor } from "../addon.js";
import { type Sample, TrainingData } from "../data/index.js";
import { abortError, CameoError, errorsOf, throwIfAborted } from "../errors.js";
import { loadEncoder } from "../media/index.js";
import type { NativeStepInput, NativeStepResult, NativeTask, NativeTrainer } from "../native.js";
import { type LoadProgress, loadReport } from "../options/load.js";
import { checkRunOptions, checkTrainerOptions } from "../options/train.js";
import type { PreparedRequest } from "../prepared_request.js";
import { runTask } from "../task.js";
import { ClipTokenizer } from "../tokens/tokenizer.js";
import { checkSameRun, type RunMetadata, readRunMetadata } from "./checkpoint_metadata.js";
import type { CheckpointEvent, SkipEvent, StepEvent, TrainingEvent, ValidationEvent } from "./events.js";
import { type Membership, membershipFromEnvironment } from "./launch_environment.js";
import { removeLeftovers } from "./leftovers.js";
import { MetricsWriter } from "./metrics.js";
import { writeModel } from "./model_files.js";
import { located, placeOf, readRecipe } from "./read_recipe.js";
import type { CompleteRecipe, Recipe } from "./recipe.js";
import { RunFolder } from "./run_folder.js";
import { StepClock } from "./step_clock.js";
import { checkAgainstNetworks, type TrainerDescription, vaeKey } from "./trainer_description.js";
import { nativeSample } from "./training_sample.js";
import { makeValidationVideos, prepareValidation } from "./validation.js";

/** What `Trainer.open` takes besides a recipe. */
export interface TrainerOptions {
  /** Goes on from the newest checkpoint in the recipe's output, if there is one. Default: false. */
  resume?: boolean | undefined;
  /** Ends the opening; the promise then rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** How far the loading of the networks is. */
  onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** This process's place among those that train together. Default: what RANK, WORLD_SIZE and the like say. */
  membership?: Membership | undefined;
}

interface Parts {
  native: NativeTrainer;
  recipe: CompleteRecipe;
  /** What messages about a field of the recipe begin with. */
  source: string;
  description: TrainerDescription;
  data: TrainingData;
  emptyIds: Int32Array;
  validation: PreparedRequest[];
  folder: RunFolder;
  metadata: RunMetadata;
  /** Rank 0 of one where a process trains alone. */
  place: { rank: number; processes: number };
  skips: SkipEvent[];
  /** The steps that the checkpoint which was resumed from had done. */
  done: number;
}

/**
 * A training run: its networks, its optimiser and its data. It holds gigabytes until it is closed: use
 * `await using`, or call `close()`.
 */
export class Trainer implements AsyncDisposable {
  readonly #parts: Parts;
  #done: number;
  #saved: number;
  #running = false;
  /** While a checkpoint is written, and once one could not be. */
  #cannotSave = false;
  #closing: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#done = parts.done;
    this.#saved = parts.done;
  }

  /**
   * Loads the networks of a recipe, opens its data and, with `resume`, its newest checkpoint.
   *
   * Rejects with ERR_INVALID_OPTION for a wrong recipe, as `Pipeline.load` for wrong weights, with ERR_DATASET where
   * no clip can be read, ERR_CHECKPOINT where the output belongs to another run, ERR_DISTRIBUTED where the other
   * processes don't answer, or ERR_ABORTED.
   */
  static async open(recipe: string | Recipe, options: TrainerOptions = {}): Promise<Trainer> {
    const toError = errorsOf(Trainer.open);
    const { resume = false, signal, onProgress, membership: given } = checkTrainerOptions(options);
    const membership = given ?? membershipFromEnvironment(process.env);
    throwIfAborted(signal);
    const complete = await readRecipe(recipe);
    const folder = new RunFolder(complete.output);
    const checkpoint = resume ? (await folder.checkpoints())[0] : undefined;
    if (!resume && (await folder.isUsed())) throw usedError(folder);
    const saved = checkpoint && (await readRunMetadata(checkpoint.path));
    const native = new (openAddonFor(complete.device).Trainer)();
    let data: TrainingData | undefined;
    try {
      const forNative = { ...complete, membership };
      await runTask((report) => native.load(JSON.stringify(forNative), report), {
        signal,
        onProgress: loadReport(onProgress),
        toError,
      });
      const description = JSON.parse(native.describe()) as TrainerDescription;
      checkAgainstNetworks(complete, description);
      const tokenizer = await ClipTokenizer.load(description.tokenizer);
      const requests = complete.validation?.requests ?? [];
      const validation = await prepareValidation(requests, description, tokenizer);
      if (requests.length > 0) await loadEncoder(validationName(1, complete));
      const skips: SkipEvent[] = [];
      data = await openData(complete, description, skips, signal);
      const place = { rank: membership?.rank ?? 0, processes: membership?.worldSize ?? 1 };
      const metadata: RunMetadata = {
        recipe: complete,
        dataFingerprint: data.fingerprint,
        samplesPerStep: complete.batch * complete.accumulation * place.processes,
      };
      if (checkpoint && saved) {
        checkSameRun(checkpoint.path, saved, metadata);
        await runTask(() => native.resume(checkpoint.path), { signal, toError });
      }
      const { ids: emptyIds } = tokenizer.encode("", description.textPositions);
      const done = checkpoint?.step ?? 0;
      const loaded = { native, recipe: complete, source: placeOf(recipe), description, data, emptyIds };
      return new Trainer({ ...loaded, validation, folder, metadata, place, skips, done });
    } catch (error) {
      await Promise.all([native.close(), data?.close()]);
      throw located(error, placeOf(recipe));
    }
  }

  /** The recipe with every default that was taken. */
  get recipe(): CompleteRecipe {
    return structuredClone(this.#parts.recipe);
  }

  /** What is loaded, and how much of it is trained. */
  describe(): TrainerDescription {
    return structuredClone(this.#parts.description);
  }

  /**
   * Trains to the recipe's last step and writes the model. Aborted, it saves a checkpoint, says so, and rejects with
   * ERR_ABORTED. Among several processes each runs the same recipe; all but rank 0 give steps and skipped clips
   * only.
   */
  async *run(options: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<TrainingEvent, void> {
    const { signal } = checkRunOptions(options);
    this.#checkFree();
    throwIfAborted(signal);
    this.#running = true;
    this.#cannotSave = false;
    const stopData = new AbortController();
    try {
      yield* this.#train(signal, stopData.signal);
    } catch (error) {
      yield* this.#saveRest();
      throw located(error, this.#parts.source);
    } finally {
      stopData.abort();
      this.#running = false;
    }
  }

  /** Ends what is running, which then rejects with ERR_CLOSED. When it resolves, the memory is free. */
  async close(): Promise<void> {
    this.#closing ??= Promise.all([this.#parts.native.close(), this.#parts.data.close()]).then(() => {});
    await this.#closing;
  }

  /** What `await using` calls: `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#train(signal: AbortSignal | undefined, stopData: AbortSignal): AsyncGenerator<TrainingEvent, void> {
    const { recipe, folder, data, place, skips } = this.#parts;
    await folder.make();
    await using _lock = place.rank === 0 ? await folder.lock() : undefined;
    if (place.rank === 0) {
      await removeInterrupted(recipe);
      await folder.writeRecipe(recipe);
    }
    await using metrics =
      place.rank === 0 ? await MetricsWriter.open(folder.metrics, { afterStep: this.#done }) : undefined;
    const first = this.#done * recipe.accumulation * place.processes + place.rank;
    const batches = data.batches({ first, stride: place.processes, signal: stopData });
    const clock = new StepClock(data);
    while (this.#done < recipe.steps) {
      const result = await this.#step(batches, signal);
      if (result === undefined) {
        yield* skips.splice(0);
        return yield* this.#stop(signal);
      }
      // Before anything is yielded: the caller may leave the run there, and go on later.
      this.#done = result.step;
      const event = this.#stepEvent(result, clock);
      const { type, steps, etaSeconds, ...measured } = event;
      await metrics?.append(measured);
      yield* skips.splice(0);
      yield event;
      const isLast = this.#done === recipe.steps;
      if (isLast || this.#done % recipe.checkpoints.every === 0) yield* this.#save();
      if (recipe.validation && (isLast || this.#done % recipe.validation.every === 0))
        yield* this.#validate(signal);
      if (result.stop && !isLast) return yield* this.#stop(signal);
    }
    if (place.rank === 0) yield { type: "done", step: this.#done, model: await this.#export() };
  }

  /** One step; undefined where it was aborted, and so has not happened. */
  async #step(
    batches: AsyncGenerator<Sample[], void>,
    signal: AbortSignal | undefined,
  ): Promise<NativeStepResult | undefined> {
    const { native, recipe, place, emptyIds } = this.#parts;
    const input: NativeStepInput = { batches: [], emptyIds, stop: false };
    while (input.batches.length < recipe.accumulation) {
      const { value = [] } = await batches.next().catch((error) => this.#fail(error));
      input.batches.push(value.map((sample) => nativeSample(sample, recipe)));
    }
    // Several processes must agree on the step at which they stop.
    const isAlone = place.processes === 1;
    if (isAlone && signal?.aborted) return undefined;
    try {
      input.stop = signal?.aborted ?? false;
      return await this.#task(() => native.step(input), isAlone ? signal : undefined);
    } catch (error) {
      if (isAlone && signal?.aborted && (error as CameoError).code === "ERR_ABORTED") return undefined;
      throw error;
    }
  }

  async *#stop(signal: AbortSignal | undefined): AsyncGenerator<TrainingEvent, void> {
    if (this.#saved < this.#done) yield* this.#save();
    if (signal?.aborted) throw abortError(signal);
    throw new CameoError("ERR_ABORTED", "another process of the run was asked to stop");
  }

  /** Keeps what was done before an error ended the run, where that can be. */
  async *#saveRest(): AsyncGenerator<CheckpointEvent, void> {
    const isAlone = this.#parts.place.processes === 1;
    const isPossible = isAlone && !this.#closing && !this.#cannotSave;
    if (!isPossible || this.#saved === this.#done) return;
    try {
      yield* this.#save();
    } catch {
      // The first error says more.
    }
  }

  async *#save(): AsyncGenerator<CheckpointEvent, void> {
    const { native, folder, metadata, recipe, place } = this.#parts;
    const { step, path } = folder.checkpoint(this.#done);
    this.#cannotSave = true;
    await this.#task(() => native.save(path, JSON.stringify(metadata)));
    this.#cannotSave = false;
    this.#saved = step;
    if (place.rank !== 0) return;
    await folder.prune(recipe.checkpoints.keep);
    yield { type: "checkpoint", step, path };
  }

  async *#validate(signal: AbortSignal | undefined): AsyncGenerator<ValidationEvent, void> {
    const { native, recipe, validation, folder, place } = this.#parts;
    if (place.rank !== 0) return;
    const paths = await makeValidationVideos(validation, {
      path: (index) => folder.validation(this.#done, validationName(index, recipe)),
      sample: (request) => this.#task(() => native.sample(request, () => {}), signal),
      signal,
    });
    if (paths.length > 0) yield { type: "validation", step: this.#done, paths };
  }

  async #export(): Promise<string> {
    const { native, recipe, folder } = this.#parts;
    return writeModel(recipe, folder.model, {
      exportPart: (path, part) => this.#task(() => native.exportWeights(path, part, recipe.modelDtype)),
      scalingFactor: () => this.#task(() => native.scalingFactor()),
    });
  }

  #stepEvent(result: NativeStepResult, clock: StepClock): StepEvent {
    const { data, metadata, recipe } = this.#parts;
    const { step, loss, lossParts, learningRate, gradientNorm, skipped } = result;
    return {
      type: "step",
      steps: recipe.steps,
      epoch: Math.floor(((step - 1) * metadata.samplesPerStep) / data.clips),
      ...{ step, loss, ...lossParts, learningRate, gradientNorm, skipped },
      ...clock.lap(metadata.samplesPerStep, recipe.steps - step),
      memoryBytes: process.resourceUsage().maxRSS * 1024,
    };
  }

  async #task<T>(start: () => NativeTask<T>, signal?: AbortSignal): Promise<T> {
    const toError = errorsOf(Trainer.prototype.run);
    try {
      return await runTask(start, { signal, toError });
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    if (this.#closing === undefined) throw error;
    throw new CameoError("ERR_CLOSED", "the trainer was closed before the run was done", { cause: error });
  }

  #checkFree(): void {
    if (this.#closing) throw new CameoError("ERR_CLOSED", "the trainer is closed; open another one");
    if (this.#running) throw new CameoError("ERR_BUSY", "the trainer is running; wait for its end");
  }
}

/** Latents take a moment to write; and other runs may keep theirs in the same folder. */
const cacheWriteMilliseconds = 600_000;

async function removeInterrupted({ output, data: { cache } }: CompleteRecipe): Promise<void> {
  await removeLeftovers(output);
  if (cache) await removeLeftovers(cache.folder, Date.now() - cacheWriteMilliseconds);
}

function usedError(folder: RunFolder): CameoError {
  return new CameoError(
    "ERR_CHECKPOINT",
    `output ${JSON.stringify(folder.path)} has a run in it already: resume it, or name another folder`,
  );
}

function validationName(index: number, { kind, validation }: CompleteRecipe): string {
  const format = validation?.format ?? "mp4";
  return format === "png" && kind !== "image" ? `${index}-%03d.png` : `${index}.${format}`;
}

function openData(
  recipe: CompleteRecipe,
  description: TrainerDescription,
  skips: SkipEvent[],
  signal: AbortSignal | undefined,
): Promise<TrainingData> {
  return vaeKey(recipe.kind, description).then((cacheKey) =>
    TrainingData.open(recipe.data, {
      ...{ kind: recipe.kind, batch: recipe.batch, seed: recipe.seed, cacheKey, signal },
      tokenizer: description.tokenizer,
      textPositions: description.textPositions,
      latentScale: description.latentScale,
      latentChannels: description.latentChannels,
      onSkip: (clip, reason) => skips.push({ type: "skip", clip, reason }),
    }),
  );
}
