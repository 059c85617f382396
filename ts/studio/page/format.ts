import { duration } from "../../duration.js";
import type { JobProgress, VideoOrder } from "../protocol.js";

const phases = { load: "Loading", encode: "Reading", denoise: "Step", decode: "Frame", save: "Saving" };

/** "Step 3 of 30, about 12 s left". */
export function progressText({ phase, step, steps, etaSeconds }: JobProgress): string {
  if (phase === "save") return "Saving";
  const left = etaSeconds === undefined ? "" : `, about ${duration(etaSeconds)} left`;
  return `${phases[phase]} ${step} of ${steps}${left}`;
}

/** Prompts over time with what is between them. */
export function promptText(prompt: VideoOrder["prompt"] = ""): string {
  const texts = typeof prompt === "string" ? [prompt] : Object.values(prompt);
  return texts.filter((text) => text !== "").join(" → ");
}

/** In the reader's own language and time zone. */
export function dateTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

export function compact(value: number | null): string {
  return value === null ? "–" : Number(value.toPrecision(4)).toString();
}
