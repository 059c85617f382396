import { readFileSync, statSync } from "node:fs";
import { CameoError } from "../errors.js";
import { quoted } from "../quote.js";
import type { SchedulerConfig } from "./sample_options.js";

const longest = 1_000_000;
// JSON has no word for these numbers, which Python writes.
const pythonNumber = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

/** Whether a scheduler's text is a path: no name of a sampler has a dot or a slash. */
export function isConfigPath(text: string): boolean {
  return /[./\\]/.test(text);
}

/** What is in a scheduler_config.json. Throws ERR_INVALID_OPTION. */
export function readSchedulerConfig(path: string): SchedulerConfig {
  const fail = (problem: string, cause?: unknown) =>
    new CameoError("ERR_INVALID_OPTION", `scheduler ${quoted(path)}: ${problem}`, { cause });
  let text: string;
  try {
    const { size, isFile } = fileAt(path);
    if (!isFile) throw fail("it is not a file; name a scheduler_config.json");
    if (size > longest) throw fail(`it has ${size} bytes, too many for a scheduler_config.json`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw error instanceof CameoError ? error : fail("it can't be read; is it there?", error);
  }
  try {
    const config: unknown = JSON.parse(
      text.replace(pythonNumber, (found) => (found.startsWith('"') ? found : JSON.stringify(found))),
    );
    if (typeof config === "object" && config !== null && !Array.isArray(config))
      return config as SchedulerConfig;
  } catch (error) {
    throw fail("it is not valid JSON", error);
  }
  throw fail("it is not an object, as a scheduler_config.json is");
}

function fileAt(path: string): { size: number; isFile: boolean } {
  const stats = statSync(path);
  return { size: stats.size, isFile: stats.isFile() };
}
