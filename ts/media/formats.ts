import { basename, dirname, extname, join } from "node:path";
import { CameoError } from "../errors.js";
import { notAllowed } from "../options/check.js";
import { quoted, shortened } from "../quote.js";
import { maxNameBytes, placeProblem } from "./files.js";
import { installCommand, isInstalled } from "./libraries.js";
import { urlOf } from "./source.js";

export type StillFormat = "png" | "jpeg" | "webp";
export type Format = "mp4" | "webm" | "gif" | "apng" | StillFormat;

/** What a path asks for: one file, or with `%d` one picture for each frame. */
export interface Output {
  format: Format;
  sequence: boolean;
}

const formats: Record<string, Format> = {
  ".mp4": "mp4",
  ".webm": "webm",
  ".gif": "gif",
  ".webp": "webp",
  ".apng": "apng",
  ".png": "png",
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
};
/** `%03d`, and `%d` where no word begins with its d, as it does in "50%discount". */
const framePattern = /%0(\d)d|%d(?!\p{L})/gu;

/**
 * Refuses, before any work, a path that a video can't be written to: ERR_INVALID_OPTION says why. With `frames`,
 * whether the format can hold as many is checked too.
 */
export function checkOutputPath(path: string, frames?: number): void {
  checkIsPath(path);
  const { sequence } = parseOutput(path, frames);
  // The last frame's name is the longest.
  const problem = placeProblem(sequence ? framePath(path, (frames ?? 1) - 1) : path);
  if (problem !== undefined) throw refusal(path, problem);
}

/** Beside a path that couldn't be written, one for the frames without loss, whose name says what it was to be. */
export function rescuePath(path: string): string {
  let name = basename(path).replace(framePattern, "");
  while (Buffer.byteLength(`${name}.apng`) > maxNameBytes) name = [...name].slice(0, -1).join("");
  return join(dirname(path), `${name}.apng`);
}

function checkIsPath(path: unknown): asserts path is string {
  if (typeof path !== "string") throw notAllowed("path", path, 'a path as a text, as in "out.mp4"');
  if (urlOf(path)) throw refusal(path, "it is a URL; give a path");
}

/** The format that a path's extension asks for; ERR_INVALID_OPTION where there is none, or it can't hold `frames`. */
export function parseOutput(path: string, frames?: number): Output {
  const extension = extname(path);
  const format = formats[extension.toLowerCase()];
  if (format === undefined) {
    const what = extension === "" ? "it has no extension" : `${shortened(extension)} is not known`;
    throw refusal(path, `${what}; ${writableFormats()}`);
  }
  const places = basename(path).match(framePattern)?.length ?? 0;
  const isStill = format === "png" || format === "jpeg";
  if (places > 1)
    throw refusal(path, "it has more than one place for the frame's number; keep one, as in %03d");
  if (places === 1 && !isStill && format !== "webp") {
    throw refusal(path, `${extension} holds all frames in one file; leave %d out, or use .png`);
  }
  if (places === 0 && isStill && frames !== undefined && frames > 1) {
    const example = `${shortened(basename(path, extension))}-%03d${extension}`;
    throw refusal(path, `${extension} holds one frame and the video has ${frames}; use ${example}, or .apng`);
  }
  return { format, sequence: places === 1 };
}

/** The path of a frame of a sequence; the first is 0. */
export function framePath(path: string, frame: number): string {
  const name = basename(path).replace(framePattern, (_, digits = 0) =>
    String(frame).padStart(Number(digits), "0"),
  );
  return join(dirname(path), name);
}

function refusal(path: string, reason: string): CameoError {
  return new CameoError("ERR_INVALID_OPTION", `output ${quoted(path)}: ${reason}`);
}

/** What the installed libraries write. */
function writableFormats(): string {
  const films = isInstalled("@napi-rs/webcodecs") ? [".mp4", ".webm"] : [];
  const animations = isInstalled("sharp") ? [".gif", ".webp", ".apng"] : [];
  const names = [...films, ...animations];
  if (names.length === 0)
    return `nothing can be written before: ${installCommand("sharp", "@napi-rs/webcodecs")}`;
  const list = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  return `write ${list}${animations.length > 0 ? ", or pictures as in frames-%03d.png" : ""}`;
}
