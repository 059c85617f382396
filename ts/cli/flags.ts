import { type Command, InvalidArgumentError } from "commander";
import type { ImagePromptScales } from "../options/image_prompt.js";
import type {
  AnyOption,
  ContextWindows,
  Control,
  FreeInit,
  PromptsOverTime,
} from "../options/sample_options.js";

export function number(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

/** "512x384" as [512, 384]. */
export function size(text: string): [width: number, height: number] {
  const match = /^(\d+)[x×](\d+)$/.exec(text);
  if (!match) throw new InvalidArgumentError("It must be a width and a height, as in 512x384.");
  return [Number(match[1]), Number(match[2])];
}

/** "0.2:0.8" as [0.2, 0.8]. */
export function range(text: string): [from: number, to: number] {
  const match = /^([\d.]+):([\d.]+)$/.exec(text);
  if (!match) throw new InvalidArgumentError("It must be two numbers, as in 0:0.6.");
  return [number(match[1] ?? ""), number(match[2] ?? "")];
}

/** "16:4", or "16" alone, and after it a schedule, weights or both. */
export function context(text: string): ContextWindows {
  const match = /^(\d+)(?::(\d+))?((?::[a-z]+){0,2})$/.exec(text);
  if (!match)
    throw new InvalidArgumentError("It must be a length and an overlap, as in 16:4 or 16:4:looped.");
  const [, length, overlap, names = ""] = match;
  const isWeights = (name: string) => ["flat", "pyramid", "relative", "sawtooth"].includes(name);
  const named = names
    .split(":")
    .slice(1)
    .map((name) => [isWeights(name) ? "weights" : "schedule", name]);
  return {
    length: Number(length),
    ...(overlap === undefined ? {} : { overlap: Number(overlap) }),
    ...Object.fromEntries(named),
  };
}

/** Of "--free-init" alone, and of "--free-init 3". */
export function freeInit(text: string): FreeInit {
  return { iterations: number(text) };
}

/** "24=a fox", for a flag that may be given again: the prompts by their frames. */
export function promptAt(text: string, previous: PromptsOverTime = {}): PromptsOverTime {
  const match = /^(\d+)=(.*)$/s.exec(text);
  if (!match) throw new InvalidArgumentError('It must be a frame and a text, as in 24="a fox sleeps".');
  const [, frame = "", prompt = ""] = match;
  if (Number(frame) === 0) throw new InvalidArgumentError("What frame 0 shows, --prompt says.");
  return { ...previous, [Number(frame)]: prompt };
}

/** "depth/:0.8:0-0.5" or "clip/:canny"; what is behind another colon is the path's. */
export function control(text: string, previous: readonly Control[] = []): Control[] {
  const n = "(\\d+\\.?\\d*|\\.\\d+)";
  const match = new RegExp(`^(.+?)(?::${n})?(?::${n}-${n})?((?::(?:canny|guess))*)$`, "s").exec(text);
  const [, frames = text, scale, from, to, how = ""] = match ?? [];
  const numbers = Object.entries({ scale, from, to }).filter(([, value]) => value !== undefined);
  const one: Control = {
    frames,
    ...Object.fromEntries(numbers.map(([name, value]) => [name, Number(value)])),
    ...(how.includes(":canny") && { compute: "canny" }),
    ...(how.includes(":guess") && { guess: true }),
  };
  return [...previous, one];
}

/** "0=first.png", with those before it. */
export function keyframe(text: string, previous: Record<number, string> = {}): Record<number, string> {
  const [, frame, file] = /^(\d+)=(.+)$/s.exec(text) ?? [];
  if (frame === undefined || file === undefined)
    throw new InvalidArgumentError("It must be a frame and a picture, as in 0=first.png.");
  if (Number(frame) in previous) throw new InvalidArgumentError(`Frame ${frame} is there twice.`);
  return { ...previous, [Number(frame)]: file };
}

/** "64:64:0:0" for left, right, top and bottom. */
export function margins(text: string): { left: number; right: number; top: number; bottom: number } {
  const match = /^(\d+):(\d+):(\d+):(\d+)$/.exec(text);
  if (!match)
    throw new InvalidArgumentError("It must be pixels on the left, right, top and bottom, as in 64:64:0:0.");
  const [left = 0, right = 0, top = 0, bottom = 0] = match.slice(1).map(Number);
  return { left, right, top, bottom };
}

/** "0.6", or JSON of what `ipScale` takes. */
export function imagePromptScales(text: string): ImagePromptScales {
  if (!/^\s*[[{]/.test(text)) return number(text);
  try {
    return JSON.parse(text) as ImagePromptScales;
  } catch {
    throw new InvalidArgumentError('It must be a number, or JSON as in {"scale":0.8,"to":0.5}.');
  }
}

/** "6GB" or "512 MB" in bytes, GB being 1e9. */
export function bytes(text: string): number {
  const match = /^([\d.]+) ?([KMGT]?)B?$/i.exec(text);
  const unit = "KMGT".indexOf(match?.[2]?.toUpperCase() || "-") + 1;
  const value = Math.round(Number(match?.[1]) * 1000 ** unit);
  if (Number.isNaN(value)) throw new InvalidArgumentError("It must be a size, as in 6GB.");
  return value;
}

/** For a flag that may be given again and again. */
export function collect(text: string, previous: string[] = []): string[] {
  return [...previous, text];
}

/** The flags that say how a command reports. */
export function withOutputFlags(command: Command): Command {
  return command
    .option("--json", "print one JSON object per event on stdout")
    .option("-q, --quiet", "print no progress, only warnings, errors and the result")
    .option("--verbose", "print the stack of an error too");
}

/** An option's help, with its plain default, and of a choice its names. */
export function flagHelp({
  help,
  value,
  default: taken,
}: Pick<AnyOption, "help" | "value" | "default">): string {
  if (value.kind === "choice" || value.kind === "scheduler")
    return [help, choices(value.names, taken)].filter(Boolean).join(" ");
  const isShown = taken !== undefined && typeof taken !== "function" && taken !== false;
  return isShown ? `${help} (default: ${Array.isArray(taken) ? taken.join(":") : taken})` : `${help}`;
}

/** "cover (default), contain or fill". */
function choices(names: readonly string[], taken: unknown): string {
  const shown = names.map((name) => (name === taken ? `${name} (default)` : name));
  const last = shown.pop();
  return shown.length === 0 ? `${last}` : `${shown.join(", ")} or ${last}`;
}
