import { basename } from "node:path";
import type { SkipEvent, StepEvent } from "../training/events.js";

/** Clips that are named when they are left out; of more, only how many there are is told. */
const namedClips = 10;
const namedInSummary = 3;
/** Over so many seconds of steps the machine is judged. */
const windowSeconds = 10;
const busyShare = 0.25;

/** What there is to say of a run, once, in lines for people: which clips are used, and that the machine is busy. */
export class TrainingNotes {
  readonly #clips: number;
  readonly #leftOut: string[] = [];
  /** The epoch by which every clip's turn has come. */
  #complete: number | undefined;
  #hasSummed = false;
  #isBusy = false;
  #window = { seconds: 0, waited: 0 };

  /** `clips`: how many the data names. */
  constructor(clips: number) {
    this.#clips = clips;
  }

  skip({ clip, reason }: SkipEvent): string[] {
    this.#leftOut.push(basename(clip));
    const count = this.#leftOut.length;
    if (count <= namedClips) return [`left out: ${reason.message}`];
    return count === namedClips + 1 ? ["left out: more clips, which are counted"] : [];
  }

  step(event: StepEvent): string[] {
    const isFirst = this.#complete === undefined;
    // A run that is resumed begins within an epoch.
    this.#complete ??= event.epoch + (event.step === 1 ? 1 : 2);
    const hasSeenAll = event.epoch >= this.#complete;
    const named = this.#named();
    const isNew = hasSeenAll && !this.#hasSummed && named !== undefined;
    if (hasSeenAll) this.#hasSummed = true;
    const used = this.#clips - this.#leftOut.length;
    return [
      ...(isFirst && this.#leftOut.length > namedClips ? this.end() : []),
      ...(isNew ? [`${used} of ${this.#clips} clips are used; left out: ${named}`] : []),
      ...this.#busy(event),
    ];
  }

  /** Of a run that ends before every clip's turn came. */
  end(): string[] {
    const named = this.#named();
    if (this.#hasSummed || this.#complete === undefined || named === undefined) return [];
    return [`${this.#leftOut.length} of ${this.#clips} clips were left out so far: ${named}`];
  }

  /** The first that were left out, and how many more. */
  #named(): string | undefined {
    const count = this.#leftOut.length;
    if (count === 0) return undefined;
    const more = count > namedInSummary ? ` and ${count - namedInSummary} more` : "";
    return this.#leftOut.slice(0, namedInSummary).join(", ") + more;
  }

  #busy({ secondsPerStep, coreWaitShare }: StepEvent): string[] {
    if (this.#isBusy || coreWaitShare === undefined) return [];
    this.#window.seconds += secondsPerStep;
    this.#window.waited += secondsPerStep * coreWaitShare;
    const { seconds, waited } = this.#window;
    if (seconds < windowSeconds) return [];
    this.#window = { seconds: 0, waited: 0 };
    const share = waited / seconds;
    if (share < busyShare) return [];
    this.#isBusy = true;
    const [percent, times] = [Math.round(100 * share), (1 / (1 - share)).toFixed(1)];
    return [
      `other programs use this machine's cores: the trainer waits for a core in ${percent} % of its time, so steps ` +
        `take at least ${times} times as long as alone (data.workers need cores, too)`,
    ];
  }
}
