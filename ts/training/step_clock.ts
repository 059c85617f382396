import type { TrainingData } from "../data/index.js";

/** Measures a run's steps, and estimates how long the rest takes. */
export class StepClock {
  readonly #data: Pick<TrainingData, "waitedSeconds">;
  readonly #start: number;
  #latest: number;
  #waited: number;
  #laps = 0;

  constructor(data: Pick<TrainingData, "waitedSeconds">) {
    this.#data = data;
    this.#start = this.#latest = performance.now();
    this.#waited = data.waitedSeconds;
  }

  /** A step ended; `stepsLeft` follow. */
  lap(samplesPerStep: number, stepsLeft: number) {
    const now = performance.now();
    const secondsPerStep = (now - this.#latest) / 1000;
    const waited = this.#data.waitedSeconds - this.#waited;
    this.#latest = now;
    this.#waited += waited;
    this.#laps += 1;
    return {
      secondsPerStep,
      samplesPerSecond: samplesPerStep / secondsPerStep,
      waitShare: Math.min(1, waited / secondsPerStep),
      etaSeconds: ((now - this.#start) / 1000 / this.#laps) * stepsLeft,
    };
  }
}
