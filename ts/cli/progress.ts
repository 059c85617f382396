import { byteText } from "../byte_text.js";
import type { ConvertProgress } from "../convert.js";
import { duration } from "../duration.js";
import type { FetchProgress } from "../hub/index.js";
import type { LoadProgress } from "../options/load_options.js";
import type { SampleProgress } from "../options/sample_options.js";
import { PhaseClock } from "../progress.js";
import type { SamplesProgress } from "../series.js";
import { createBar } from "./bar.js";
import { type OutputOptions, printEvent } from "./output.js";

type OfSeveral = Pick<SamplesProgress, "video" | "videos">;
type Progress = FetchProgress | LoadProgress | (SampleProgress & Partial<OfSeveral>) | ConvertProgress;

/** Shows how far a task is. */
export interface Reporter {
  update(progress: Progress): void;
  /** Leaves the line that it wrote on, so that others can write. */
  stop(): void;
}

const units = {
  ...{ fetch: "bytes", convert: "tensors", load: "tensors" },
  ...{ encode: "inputs", denoise: "steps", decode: "frames" },
};
/** Between two plain lines of one phase. */
const lineIntervalMs = 1000;

/** JSON events, nothing, a bar on a terminal, or plain lines elsewhere. */
export function createReporter({ json, quiet }: OutputOptions): Reporter {
  if (json) return new EventReporter();
  if (quiet) return { update() {}, stop() {} };
  return process.stderr.isTTY ? new BarReporter() : new LineReporter();
}

/** Every step but bytes and tensors, which are too many. */
class EventReporter implements Reporter {
  readonly #throttle = new Throttle();

  update(progress: Progress): void {
    const { phase, step, steps } = progress;
    if (["bytes", "tensors"].includes(units[phase]) && !this.#throttle.passes(progress)) return;
    const eta = "etaSeconds" in progress ? { etaSeconds: progress.etaSeconds } : {};
    printEvent("progress", { phase, step, steps, ...eta, ...ofSeveral(progress) });
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
    const count = phase === "fetch" ? fetched(progress) : `${step} of ${steps} ${units[phase]}`;
    const details = [count, ...pace(this.#clock, progress)];
    if (this.#throttle.passes(progress)) process.stderr.write(`${phase}: ${details.join(", ")}\n`);
  }

  stop(): void {}
}

class BarReporter implements Reporter {
  #phase: Progress["phase"] | undefined;
  readonly #clock = new PhaseClock();
  readonly #bar = createBar("{phase} |{bar}| {count} {details}", 30);

  update(progress: Progress): void {
    const { phase, step, steps } = progress;
    const details = pace(this.#clock, progress).join(", ");
    const count = phase === "fetch" ? fetched(progress) : `${step}/${steps}`;
    const payload = { phase: phase.padEnd("denoise".length), count, details };
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

function fetched({ step, steps }: Progress): string {
  return `${byteText(step)} of ${byteText(steps)}`;
}

/** How fast it goes and how long it will take, as far as that is known. */
function pace(clock: PhaseClock, progress: Progress): string[] {
  const seconds = clock.update(progress, performance.now());
  const left = secondsLeft(progress, seconds);
  const several = ofSeveral(progress);
  return [
    ...(seconds === undefined ? [] : [speed(progress.phase, Math.max(seconds, 1e-12))]),
    ...(left === undefined ? [] : [`${duration(left)} left`]),
    ...(several ? [`video ${several.video + 1} of ${several.videos}`] : []),
  ];
}

/** Which of several videos it is; undefined where it is the only one. */
function ofSeveral(progress: Progress): OfSeveral | undefined {
  const { video, videos } = progress as Partial<OfSeveral>;
  return video === undefined || videos === undefined ? undefined : { video, videos };
}

function speed(phase: Progress["phase"], seconds: number): string {
  if (phase === "fetch") return `${byteText(1 / seconds)}/s`;
  const unit = units[phase].slice(0, -1);
  return seconds >= 1
    ? `${seconds.toFixed(1)} s/${unit}`
    : `${(1 / Math.max(seconds, 1e-6)).toFixed(1)} ${unit}s/s`;
}

function secondsLeft(progress: Progress, secondsPerStep: number | undefined): number | undefined {
  if ("etaSeconds" in progress) return progress.etaSeconds;
  const { phase, step, steps } = progress;
  return phase === "fetch" && secondsPerStep !== undefined ? secondsPerStep * (steps - step) : undefined;
}
