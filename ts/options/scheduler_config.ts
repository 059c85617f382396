import { readFileSync, statSync } from "node:fs";
import { CameoError } from "../errors.js";
import { parsePythonJsonPlainly } from "../python_json.js";
import { quoted } from "../quote.js";
import { notAllowed } from "./check.js";
import type { SchedulerConfig } from "./sample_options.js";

const longest = 4_000_000; // bytes; the most betas that a schedule may list have half as many
const deepest = 8;

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
    const stats = statSync(path);
    if (!stats.isFile()) throw fail("it is not a file; name a scheduler_config.json");
    if (stats.size > longest) throw fail(`it has ${stats.size} bytes, too many for a scheduler_config.json`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw error instanceof CameoError ? error : fail("it can't be read; is it there?", error);
  }
  try {
    const config = parsePythonJsonPlainly(text);
    if (typeof config === "object" && config !== null && !Array.isArray(config))
      return config as SchedulerConfig;
  } catch (error) {
    throw fail("it is not valid JSON", error);
  }
  throw fail("it is not an object, as a scheduler_config.json is");
}

/**
 * A copy of a config that was given as an object, with infinite numbers as texts, as they are in a file that was read: the
 * native half takes them where they are allowed. Throws ERR_INVALID_OPTION for what JSON has no words for.
 */
export function copySchedulerConfig(config: SchedulerConfig): SchedulerConfig {
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([field, value]) => {
      const refuse = () =>
        notAllowed(
          `scheduler.${field}`,
          value,
          "a number, a text, true, false, null, or an array or object of such",
        );
      return [field, copyJson(value, refuse, deepest)];
    }),
  );
}

function copyJson(value: unknown, refuse: () => CameoError, depth: number): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (depth > 0 && Array.isArray(value)) return value.map((each) => copyJson(each, refuse, depth - 1));
  const prototype = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  if (depth === 0 || (prototype !== Object.prototype && prototype !== null)) throw refuse();
  const entries = Object.entries(value as object);
  return Object.fromEntries(entries.map(([name, each]) => [name, copyJson(each, refuse, depth - 1)]));
}
