import type { NativeProgress } from "./native.js";

/** What decoding all frames takes, in denoising steps: as measured at Stable Diffusion 1.5's size. */
const decodeShare = 1.5;

/** Estimates, from the speed so far, how long a sampling still takes. */
export class EtaEstimate {
  #phase: NativeProgress["phase"] | undefined;
  #phaseStart = 0;
  #firstStep = 0;

  /** Seconds left after `progress`, which came at `now` (milliseconds); undefined while there is no speed yet. */
  update({ phase, step, steps }: NativeProgress, now: number): number | undefined {
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#phaseStart = now;
      this.#firstStep = step;
    }
    const done = step - this.#firstStep;
    if (done <= 0 || (phase !== "denoise" && phase !== "decode")) return undefined;
    const secondsPerStep = (now - this.#phaseStart) / 1000 / done;
    return secondsPerStep * (steps - step + (phase === "denoise" ? decodeShare : 0));
  }
}
