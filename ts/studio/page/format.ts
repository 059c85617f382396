import type { JobProgress } from "../protocol.js";

const phases = { load: "Loading", encode: "Reading", denoise: "Step", decode: "Frame", save: "Saving" };

/** "Step 3 of 30, about 12 s left". */
export function progressText({ phase, step, steps, etaSeconds }: JobProgress): string {
  if (phase === "save") return "Saving";
  const left = etaSeconds === undefined ? "" : `, about ${duration(etaSeconds)} left`;
  return `${phases[phase]} ${step} of ${steps}${left}`;
}

/** "42 s", "3 min 20 s", "1 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** In the reader's own language and time zone. */
export function dateTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

export function compact(value: number | null): string {
  return value === null ? "–" : Number(value.toPrecision(4)).toString();
}
