import { duration } from "../duration.js";
import type { StepEvent } from "../training/events.js";
import { createBar } from "./bar.js";
import type { OutputOptions } from "./output.js";

/** Shows how a training run goes. */
export interface TrainingReporter {
  step(event: StepEvent): void;
  /** Writes a line that stays. */
  note(text: string): void;
  stop(): void;
}

const lineIntervalMs = 5000;

/** Nothing, a bar on a terminal, or plain lines elsewhere; JSON events are the command's own. */
export function createTrainingReporter({ json, quiet }: OutputOptions): TrainingReporter {
  if (json || quiet) return { step() {}, note() {}, stop() {} };
  return process.stderr.isTTY ? new BarReporter() : new LineReporter();
}

class LineReporter implements TrainingReporter {
  #last = Number.NEGATIVE_INFINITY;

  step(event: StepEvent): void {
    const now = performance.now();
    if (event.step < event.steps && now - this.#last < lineIntervalMs) return;
    this.#last = now;
    this.note(`step ${event.step} of ${event.steps}: ${details(event)}`);
  }

  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  stop(): void {}
}

class BarReporter implements TrainingReporter {
  #isShown = false;
  readonly #bar = createBar("train |{bar}| {value}/{total} {details}", 10);

  step(event: StepEvent): void {
    const payload = { details: details(event) };
    if (this.#isShown) this.#bar.update(event.step, payload);
    else this.#bar.start(event.steps, event.step, payload);
    this.#isShown = true;
  }

  note(text: string): void {
    this.stop();
    process.stderr.write(`${text}\n`);
  }

  stop(): void {
    this.#bar.stop();
    this.#isShown = false;
  }
}

/** What counts most comes first: a narrow terminal cuts the line's end off. */
function details(event: StepEvent): string {
  const { loss, secondsPerStep, waitShare, coreWaitShare = 0, memoryBytes, etaSeconds, skipped } = event;
  const speed =
    secondsPerStep >= 1
      ? `${secondsPerStep.toFixed(1)} s/step`
      : `${(1 / secondsPerStep).toFixed(1)} steps/s`;
  return [
    skipped ? "skipped: the gradient is not finite" : `loss ${loss.toPrecision(4)}`,
    speed,
    `${duration(etaSeconds)} left`,
    `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`,
    ...(waitShare >= 0.05 ? [`${Math.round(100 * waitShare)} % waiting for data`] : []),
    ...(coreWaitShare >= 0.2 ? [`${Math.round(100 * coreWaitShare)} % waiting for a core`] : []),
  ].join(", ");
}
