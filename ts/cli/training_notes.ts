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
    // A run that is resumed begins within an epoch.
    this.#complete ??= event.epoch + (event.step === 1 ? 1 : 2);
    const hasSeenAll = event.epoch >= this.#complete;
    return [...(hasSeenAll ? this.#summary() : []), ...this.#busy(event)];
  }

  /** When the run ends, be it before every clip's turn came. */
  end(): string[] {
    return this.#summary();
  }

  #summary(): string[] {
    const count = this.#leftOut.length;
    if (this.#hasSummed || count === 0) return [];
    this.#hasSummed = true;
    const named = this.#leftOut.slice(0, namedInSummary).join(", ");
    const more = count > namedInSummary ? ` and ${count - namedInSummary} more` : "";
    return [`${this.#clips - count} of ${this.#clips} clips are used; left out: ${named}${more}`];
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
