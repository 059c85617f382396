import type { NativeProgress } from "./native.js";

type Step = Pick<NativeProgress, "step" | "steps"> & { phase: string };

/** What decoding all frames takes, in denoising steps: as measured at Stable Diffusion 1.5's size. */
const decodeShare = 1.5;

/** Measures how fast each phase of a task goes. */
export class PhaseClock {
  #phase: Step["phase"] | undefined;
  #start: number | undefined;
  #latest: number | undefined;
  #firstStep = 0;

  /** Seconds a step, after `progress`, which came at `now` (milliseconds); undefined while nothing is known. */
  update({ phase, step }: Step, now: number): number | undefined {
    if (phase !== this.#phase) {
      // A phase begins where the one before it ended; of the first one only the steps that follow can be timed.
      this.#firstStep = this.#latest === undefined ? step : 0;
      this.#start = this.#latest ?? now;
      this.#phase = phase;
    }
    this.#latest = now;
    const done = step - this.#firstStep;
    return this.#start === undefined || done <= 0 ? undefined : (now - this.#start) / 1000 / done;
  }
}

/** Estimates, from the speed so far, how long a sampling still takes. */
export class EtaEstimate {
  readonly #clock = new PhaseClock();

  /** Seconds left; undefined while encoding. */
  update(progress: Step, now: number): number | undefined {
    const secondsPerStep = this.#clock.update(progress, now);
    const { phase, step, steps } = progress;
    if (secondsPerStep === undefined || (phase !== "denoise" && phase !== "decode")) return undefined;
    return secondsPerStep * (steps - step + (phase === "denoise" ? decodeShare : 0));
  }
}
