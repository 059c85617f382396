import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { EChartsOption } from "echarts";
import { CameoError } from "../errors.js";
import { defaultSmooth, metricsCharts } from "../training/charts.js";
import { readMetrics, type StepMetrics } from "../training/metrics.js";
import { Refusal } from "./errors.js";
import type { TrainingRun } from "./protocol.js";

const metricsName = "metrics.jsonl";
/** How deep below the folder runs are looked for. */
const maxDepth = 3;

interface ReadRun {
  modified: number;
  metrics: StepMetrics[];
}

/** Training runs below a folder. */
export class Runs {
  readonly #folder: string;
  /** By path, so that only what has grown is read again. */
  readonly #read = new Map<string, ReadRun>();

  /** ERR_INVALID_OPTION where the folder is not there. */
  static async open(folder: string): Promise<Runs> {
    const stats = await stat(folder).catch(() => undefined);
    if (stats?.isDirectory()) return new Runs(resolve(folder));
    throw new CameoError(
      "ERR_INVALID_OPTION",
      `runs: ${folder} is not a folder; give the one that training runs are in`,
    );
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** What has logged a step so far, the newest first. */
  async list(): Promise<TrainingRun[]> {
    const runs = await Promise.all(
      (await this.#files()).map(async (file) => {
        const newest = (await this.#metrics(file)).at(-1);
        if (!newest) return [];
        const { step, loss, learningRate, gradientNorm, time } = newest;
        return [{ name: this.#name(file), step, loss, learningRate, gradientNorm, time }];
      }),
    );
    return runs.flat().sort((a, b) => b.time.localeCompare(a.time));
  }

  /** The charts of the named runs, as settings for echarts. Status 404 for a name that `list` does not give. */
  async charts(names: readonly string[]): Promise<EChartsOption> {
    const files = new Map((await this.#files()).map((file) => [this.#name(file), file]));
    const runs = await Promise.all(
      names.map(async (name) => {
        const file = files.get(name);
        if (file === undefined) throw new Refusal(404, "ERR_NOT_FOUND", `there is no run ${name}`);
        return { name, metrics: await this.#metrics(file) };
      }),
    );
    return metricsCharts(runs, defaultSmooth(runs));
  }

  #name(file: string): string {
    const name = relative(this.#folder, dirname(file));
    return name === "" ? basename(this.#folder) : name.split(sep).join("/");
  }

  async #files(): Promise<string[]> {
    const found: string[] = [];
    const search = async (folder: string, depth: number): Promise<void> => {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      if (entries.some((entry) => entry.isFile() && entry.name === metricsName)) {
        found.push(join(folder, metricsName));
      } else if (depth < maxDepth) {
        const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
        for (const { name } of folders) await search(join(folder, name), depth + 1);
      }
    };
    await search(this.#folder, 0);
    return found;
  }

  /** Nothing for a file that is not a run's. */
  async #metrics(file: string): Promise<StepMetrics[]> {
    const modified = (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
    const known = this.#read.get(file);
    if (known?.modified === modified) return known.metrics;
    const metrics = await readMetrics(file).catch(() => []);
    this.#read.set(file, { modified, metrics });
    return metrics;
  }
}
