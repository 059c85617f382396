import { accessSync, constants, type Stats, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { CameoError } from "../errors.js";
import { fileReason } from "./files.js";

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
const framePattern = /%(?:0(\d))?d/g;
const known = "write .mp4, .webm, .gif, .webp or .apng, or pictures as in frames-%03d.png";

/**
 * Refuses, before any work, a path that a video can't be written to: ERR_INVALID_OPTION says why. With `frames`,
 * whether the format can hold as many is checked too.
 */
export function checkOutputPath(path: string, frames?: number): void {
  parseOutput(path, frames);
  const folder = dirname(path);
  const stats = statOf(folder);
  if (stats === undefined) throw refusal(path, `the folder ${folder} does not exist; create it first`);
  if (!stats.isDirectory()) throw refusal(path, `${folder} is not a folder`);
  const existing = statOf(path);
  if (existing?.isDirectory())
    throw refusal(path, `it is a folder; add a file name, as in ${join(path, "out.mp4")}`);
  if (existing && !existing.isFile())
    throw refusal(path, "it exists and is not a regular file; choose another name");
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw refusal(path, `the folder ${folder} can't be written to (${fileReason(error)}); choose another`);
  }
}

/** The format that a path's extension asks for; ERR_INVALID_OPTION where there is none, or it can't hold `frames`. */
export function parseOutput(path: string, frames?: number): Output {
  const extension = extname(path);
  const format = formats[extension.toLowerCase()];
  if (format === undefined) {
    throw refusal(
      path,
      `${extension === "" ? "it has no extension" : `${extension} is not known`}; ${known}`,
    );
  }
  const places = basename(path).match(framePattern)?.length ?? 0;
  const isStill = format === "png" || format === "jpeg";
  if (places > 1)
    throw refusal(path, "it has more than one place for the frame's number; keep one, as in %03d");
  if (places === 1 && !isStill && format !== "webp") {
    throw refusal(path, `${extension} holds all frames in one file; leave %d out, or use .png`);
  }
  if (places === 0 && isStill && frames !== undefined && frames > 1) {
    const example = `${basename(path, extension)}-%03d${extension}`;
    throw refusal(path, `${extension} holds one frame and the video has ${frames}; use ${example}, or .apng`);
  }
  return { format, sequence: places === 1 };
}

/** The path of a frame of a sequence; the first is 0. */
export function framePath(path: string, frame: number): string {
  const name = basename(path).replace(framePattern, (_, digits) =>
    String(frame).padStart(Number(digits ?? 0), "0"),
  );
  return join(dirname(path), name);
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw refusal(path, fileReason(error));
  }
}

function refusal(path: string, reason: string): CameoError {
  return new CameoError("ERR_INVALID_OPTION", `output ${JSON.stringify(path)}: ${reason}`);
}
