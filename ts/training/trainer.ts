import type { Sample } from "../data/index.js";
import { abortError, CameoError, errorsOf, throwIfAborted } from "../errors.js";
import { exists } from "../media/files.js";
import type { NativeSampleRequest, NativeStepInput, NativeStepResult, NativeTask } from "../native.js";
import { checkRunOptions, checkTrainerOptions } from "../options/train.js";
import { runTask } from "../task.js";
import type { CompleteRecipe } from "./complete_types.js";
import type { CheckpointEvent, StepEvent, TrainingEvent, ValidationEvent } from "./events.js";
import { removeLeftovers } from "./leftovers.js";
import { MetricsWriter } from "./metrics.js";
import { writeModel } from "./model_files.js";
import { openParts, type Parts, type TrainerOptions, validationName } from "./open_parts.js";
import { located } from "./read_recipe.js";
import type { Recipe } from "./recipe.js";
import { StepClock } from "./step_clock.js";
import type { TrainerDescription } from "./trainer_description.js";
import { nativeSample } from "./training_sample.js";
import { makeValidationVideos } from "./validation.js";

export type { TrainerOptions } from "./open_parts.js";

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
   * Checks a recipe and that what it names is there, then loads its networks, opens its data and, with `resume`, its newest
   * checkpoint.
   *
   * Rejects with ERR_INVALID_OPTION for a wrong recipe, as `Pipeline.load` for wrong weights, with ERR_DATASET where
   * no clip can be read, ERR_INVALID_IMAGE where a validation's reference can't be, ERR_CHECKPOINT where the output belongs to another run, ERR_DISTRIBUTED where the other
   * processes don't answer, or ERR_ABORTED.
   */
  static async open(recipe: string | Recipe, options: TrainerOptions = {}): Promise<Trainer> {
    const toError = errorsOf(Trainer.open);
    return new Trainer(await openParts(recipe, checkTrainerOptions(options), toError));
  }

  /** The recipe with every default that was taken. */
  get recipe(): CompleteRecipe {
    return structuredClone(this.#parts.recipe);
  }

  /** How many steps are done: at first those of the checkpoint that is resumed from, or 0. */
  get step(): number {
    return this.#done;
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
    const { recipe, movable, folder, data, place, skips } = this.#parts;
    await folder.make();
    await using _lock = place.rank === 0 ? await folder.lock() : undefined;
    if (place.rank === 0) {
      await removeInterrupted(recipe);
      await folder.writeRecipe(movable);
    }
    await using metrics =
      place.rank === 0 ? await MetricsWriter.open(folder.metrics, { afterStep: this.#done }) : undefined;
    const first = this.#done * recipe.accumulation * place.processes + place.rank;
    const batches = data.batches({ first, stride: place.processes, signal: stopData });
    const clock = new StepClock(data);
    yield* skips.splice(0);
    // Whoever was interrupted in it still gets its videos.
    if (this.#done > 0 && this.#isDue(recipe.validation?.every)) yield* this.#validate(signal, "if missing");
    while (this.#done < recipe.steps) {
      clock.begin();
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
      const validates = this.#isDue(recipe.validation?.every);
      // Before a validation, too: it takes long and much memory, and whoever is impatient then must lose nothing.
      if (validates || this.#isDue(recipe.checkpoints.every)) yield* this.#save();
      if (validates) yield* this.#validate(signal);
      if (result.stop && this.#done < recipe.steps) return yield* this.#stop(signal);
    }
    if (place.rank === 0) yield { type: "done", step: this.#done, model: await this.#export() };
  }

  /** Whether what happens `every` so many steps, and after the last one, happens after this one. */
  #isDue(every: number | undefined): boolean {
    return every !== undefined && (this.#done === this.#parts.recipe.steps || this.#done % every === 0);
  }

  /** One step; undefined where it was aborted, and so has not happened. */
  async #step(
    batches: AsyncGenerator<Sample[], void>,
    signal: AbortSignal | undefined,
  ): Promise<NativeStepResult | undefined> {
    const { native, recipe, place, captions } = this.#parts;
    const { emptyIds, statesPath } = captions;
    const input: NativeStepInput = {
      batches: [],
      emptyIds,
      emptyStatesPath: statesPath(emptyIds),
      stop: false,
    };
    while (input.batches.length < recipe.accumulation) {
      const { value = [] } = await batches.next().catch((error) => this.#fail(error));
      input.batches.push(value.map((sample) => nativeSample(sample, recipe, captions)));
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

  async *#validate(
    signal: AbortSignal | undefined,
    when: "always" | "if missing" = "always",
  ): AsyncGenerator<ValidationEvent, void> {
    const { native, recipe, validation, folder } = this.#parts;
    const path = (index: number) => folder.validation(this.#done, validationName(index, recipe));
    const paths = await this.#onFirst(async () => {
      // The last one is written last; of several pictures, one tells.
      if (when === "if missing" && (await exists(path(validation.length).replace("%03d", "000")))) return [];
      const sample = (request: NativeSampleRequest) =>
        this.#task(() => native.sample(request, () => {}), signal);
      return makeValidationVideos(validation, { path, sample, signal });
    });
    if (paths && paths.length > 0) yield { type: "validation", step: this.#done, paths };
  }

  /** What `work` gives on rank 0, while the other processes wait for its end; undefined on those. */
  async #onFirst<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { native, place } = this.#parts;
    if (place.processes === 1) return await work();
    await this.#task(() => native.beginSolo());
    try {
      return place.rank === 0 ? await work() : undefined;
    } finally {
      await this.#task(() => native.endSolo());
    }
  }

  async #export(): Promise<string> {
    const { native, recipe, folder } = this.#parts;
    return writeModel(recipe, folder.model, async (path, part) =>
      JSON.parse(await this.#task(() => native.exportWeights(path, part, recipe.modelDtype))),
    );
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
