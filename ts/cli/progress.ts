import type { ConvertProgress } from "../convert.js";
import { duration } from "../duration.js";
import type { LoadProgress } from "../options/load_options.js";
import type { SampleProgress } from "../options/sample_options.js";
import { PhaseClock } from "../progress.js";
import { createBar } from "./bar.js";
import { type OutputOptions, printEvent } from "./output.js";

type Progress = LoadProgress | SampleProgress | ConvertProgress;

/** Shows how far a task is. */
export interface Reporter {
  update(progress: Progress): void;
  /** Leaves the line that it wrote on, so that others can write. */
  stop(): void;
}

const units = { convert: "tensors", load: "tensors", encode: "inputs", denoise: "steps", decode: "frames" };
/** Between two plain lines of one phase. */
const lineIntervalMs = 1000;

/** JSON events, nothing, a bar on a terminal, or plain lines elsewhere. */
export function createReporter({ json, quiet }: OutputOptions): Reporter {
  if (json) return new EventReporter();
  if (quiet) return { update() {}, stop() {} };
  return process.stderr.isTTY ? new BarReporter() : new LineReporter();
}

/** Every step but those of loading and converting, which are thousands. */
class EventReporter implements Reporter {
  readonly #throttle = new Throttle();

  update(progress: Progress): void {
    const { phase, step, steps } = progress;
    if (units[phase] === "tensors" && !this.#throttle.passes(progress)) return;
    const eta = "etaSeconds" in progress ? { etaSeconds: progress.etaSeconds } : {};
    printEvent("progress", { phase, step, steps, ...eta });
  }

  stop(): void {}
}

/** Lets the first and the last step of a phase through, and one a second in between. */
class Throttle {
  #phase: Progress["phase"] | undefined;
  #last = 0;

  passes({ phase, step, steps }: Progress): boolean {
    const now = performance.now();
    if (phase === this.#phase && step < steps && now - this.#last < lineIntervalMs) return false;
    this.#phase = phase;
    this.#last = now;
    return true;
  }
}

class LineReporter implements Reporter {
  readonly #throttle = new Throttle();
  readonly #clock = new PhaseClock();

  update(progress: Progress): void {
    const { phase, step, steps } = progress;
    const count = `${step} of ${steps} ${units[phase]}`;
    const details = [count, speed(this.#clock, progress), remaining(progress)].filter(Boolean);
    if (this.#throttle.passes(progress)) process.stderr.write(`${phase}: ${details.join(", ")}\n`);
  }

  stop(): void {}
}

class BarReporter implements Reporter {
  #phase: Progress["phase"] | undefined;
  readonly #clock = new PhaseClock();
  readonly #bar = createBar("{phase} |{bar}| {value}/{total} {details}", 30);

  update(progress: Progress): void {
    const { phase, step, steps } = progress;
    const details = [speed(this.#clock, progress), remaining(progress)].filter(Boolean).join(", ");
    const payload = { phase: phase.padEnd("denoise".length), details };
    if (phase === this.#phase) {
      this.#bar.update(step, payload);
      return;
    }
    this.#phase = phase;
    this.#bar.start(steps, step, payload);
  }

  stop(): void {
    this.#bar.stop();
    this.#phase = undefined;
  }
}

function speed(clock: PhaseClock, progress: Progress): string {
  const seconds = clock.update(progress, performance.now());
  if (seconds === undefined) return "";
  const unit = units[progress.phase].slice(0, -1);
  return seconds >= 1
    ? `${seconds.toFixed(1)} s/${unit}`
    : `${(1 / Math.max(seconds, 1e-6)).toFixed(1)} ${unit}s/s`;
}

function remaining(progress: Progress): string {
  if (!("etaSeconds" in progress) || progress.etaSeconds === undefined) return "";
  return `${duration(progress.etaSeconds)} left`;
}
