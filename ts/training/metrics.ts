import { type FileHandle, open, readFile } from "node:fs/promises";
import { z } from "zod";
import { CameoError } from "../errors.js";
import { fileReason, replaceFile } from "../media/files.js";
import type { LossParts } from "./events.js";
import { kinds } from "./kinds.js";

type MeasuredLossParts = { [Part in keyof LossParts]?: LossParts[Part] | null };

/** What is known of one optimiser step. Measurements that are not finite are null in the file. */
export interface StepMetrics extends MeasuredLossParts {
  /** From 1. */
  step: number;
  /** From 0: how often the whole data set was gone through. */
  epoch: number;
  loss: number | null;
  learningRate: number;
  /** Of all gradients together, before they are clipped. */
  gradientNorm: number | null;
  /** Nothing was moved, because loss or gradient was not finite. */
  skipped: boolean;
  samplesPerSecond: number | null;
  secondsPerStep: number | null;
  /** Share of the step, 0 to 1, that was spent waiting for data. */
  waitShare: number | null;
  /** Share, 0 to 1, of the time in which threads could compute and waited for a core. */
  coreWaitShare?: number | null | undefined;
  /** Of this process, at its fullest. */
  memoryBytes?: number | null | undefined;
  /** When the step ended, in ISO 8601. */
  time: string;
}

const measured = z.number().nullable();

const lossParts = Object.fromEntries(
  Object.values(kinds).flatMap(({ losses }) => losses.map((part) => [part, measured.optional()])),
) as Record<keyof LossParts, z.ZodOptional<typeof measured>>;

const stepSchema: z.ZodType<StepMetrics> = z.object({
  step: z.int().min(1),
  epoch: z.number(),
  loss: measured,
  ...lossParts,
  learningRate: z.number(),
  gradientNorm: measured,
  skipped: z.boolean(),
  samplesPerSecond: measured,
  secondsPerStep: measured,
  waitShare: measured,
  coreWaitShare: measured.optional(),
  memoryBytes: measured.optional(),
  time: z.string(),
});

interface Line {
  text: string;
  metrics: StepMetrics;
}

/** Appends each step's metrics to a file, one JSON object to a line. A line that was appended outlives the process. */
export class MetricsWriter {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens the file, made where it is not there. What a run that ended after its last checkpoint had written is
   * dropped: steps past `afterStep` (default 0, all) and a last line that is torn. ERR_INVALID_OPTION where the
   * file has something else in it, ERR_MEDIA where it can't be written.
   */
  static async open(path: string, { afterStep = 0 }: { afterStep?: number } = {}): Promise<MetricsWriter> {
    const text = await readFile(path, "utf8").catch((error) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw writeError(path, error);
    });
    const kept = parseLines(path, text).filter(({ metrics }) => metrics.step <= afterStep);
    const wanted = kept.map((line) => `${line.text}\n`).join("");
    if (wanted !== text) await replaceFile(path, Buffer.from(wanted));
    try {
      return new MetricsWriter(path, await open(path, "a"));
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** The time is now. Resolves once the line is the operating system's; ERR_MEDIA where it can't be written. */
  async append(metrics: Omit<StepMetrics, "time">): Promise<void> {
    const line = JSON.stringify({ ...metrics, time: new Date().toISOString() } satisfies StepMetrics);
    try {
      await this.#file.appendFile(`${line}\n`);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * A run's metrics, from its metrics.jsonl; a last line that is torn is left out. ERR_INVALID_OPTION where the
 * file can't be read or has something else in it.
 */
export async function readMetrics(path: string): Promise<StepMetrics[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw noMetrics(path, fileReason(cause), cause);
  }
  return parseLines(path, text).map(({ metrics }) => metrics);
}

function parseLines(path: string, text: string): Line[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.flatMap((line, i) => {
    const value = parse(line);
    // A process that is killed may leave its last line unfinished.
    if (value === undefined && i === lines.length - 1) return [];
    const { success, data } = stepSchema.safeParse(value);
    if (!success) throw noMetrics(path, `line ${i + 1} is not the metrics of a step`);
    return [{ text: line, metrics: data }];
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function noMetrics(path: string, reason: string, cause?: unknown): CameoError {
  const remedy = "give the folder of a training run, or its metrics.jsonl";
  return new CameoError("ERR_INVALID_OPTION", `metrics ${JSON.stringify(path)}: ${reason}; ${remedy}`, {
    cause,
  });
}

function writeError(path: string, cause: unknown): CameoError {
  const advice = "make room or mend the permissions, and resume the run";
  return new CameoError("ERR_MEDIA", `${path} can't be written: ${fileReason(cause)}; ${advice}`, { cause });
}
