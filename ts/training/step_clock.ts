import type { TrainingData } from "../data/index.js";
import { CoreClock } from "./core_clock.js";

/** Measures a run's steps, and estimates how long the rest takes. */
export class StepClock {
  readonly #data: Pick<TrainingData, "waitedSeconds">;
  readonly #start: number;
  #begun: number;
  #waited: number;
  #laps = 0;
  readonly #cores = new CoreClock();

  constructor(data: Pick<TrainingData, "waitedSeconds">) {
    this.#data = data;
    this.#start = this.#begun = performance.now();
    this.#waited = data.waitedSeconds;
  }

  /** A step begins: what was between it and the one before, a checkpoint or a validation, is not of either. */
  begin(): void {
    this.#begun = performance.now();
    this.#waited = this.#data.waitedSeconds;
    this.#cores.lap();
  }

  /** A step ended; `stepsLeft` follow. */
  lap(samplesPerStep: number, stepsLeft: number) {
    const now = performance.now();
    const secondsPerStep = (now - this.#begun) / 1000;
    const waited = this.#data.waitedSeconds - this.#waited;
    this.#laps += 1;
    return {
      secondsPerStep,
      samplesPerSecond: samplesPerStep / secondsPerStep,
      waitShare: Math.min(1, waited / secondsPerStep),
      coreWaitShare: this.#cores.lap(),
      etaSeconds: ((now - this.#start) / 1000 / this.#laps) * stepsLeft,
    };
  }
}
