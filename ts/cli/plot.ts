import { stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { Command } from "commander";
import { CameoError } from "../errors.js";
import { replaceFile } from "../media/files.js";
import { notAllowed } from "../options/check.js";
import { type ChartFormat, chartFormats, encodeCharts } from "../training/chart_formats.js";
import { defaultSmooth, metricsCharts, type Run } from "../training/charts.js";
import { readMetrics } from "../training/metrics.js";
import { number, withOutputFlags } from "./flags.js";
import { type OutputOptions, printEvent } from "./output.js";

interface PlotFlags extends OutputOptions {
  output?: string;
  smooth?: number;
}

const examples = `
Examples:
  $ cameo plot runs/people
  $ cameo plot runs/people runs/people-lora -o compare.html
  $ cameo plot runs/people --smooth 200 -o loss.svg`;

/** `cameo plot`: what training runs have logged, as charts. */
export function plotCommand(): Command {
  const command = new Command("plot")
    .description("draw the loss, learning rate and gradient norm of training runs")
    .argument("<run...>", "folders of training runs, or their metrics.jsonl")
    .option("-o, --output <file>", "where to: .png .svg or .html (default: metrics.png in the first run)")
    .option("--smooth <n>", "steps of the loss's moving mean (default: a fiftieth of the run)", number)
    .addHelpText("after", examples)
    .action(plot);
  return withOutputFlags(command);
}

async function plot(paths: string[], { output, smooth, json }: PlotFlags): Promise<void> {
  if (smooth !== undefined && !(Number.isSafeInteger(smooth) && smooth >= 1)) {
    throw notAllowed("smooth", smooth, "a whole number of at least 1");
  }
  const files = [...new Set(await Promise.all(paths.map(metricsFile)))];
  const path = output ?? join(dirname(files[0] as string), "metrics.png");
  const format = chartFormat(path);
  const runs = await Promise.all(files.map((file) => readRun(file, files)));
  const charts = metricsCharts(runs, smooth ?? defaultSmooth(runs));
  await replaceFile(path, await encodeCharts(charts, runs.map(({ name }) => name).join(", "), format));
  const steps = Object.fromEntries(runs.map(({ name, metrics }) => [name, metrics.at(-1)?.step]));
  if (json) printEvent("done", { path, steps });
  else process.stdout.write(`${path}\n`);
}

async function metricsFile(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ? path : join(path, "metrics.jsonl");
}

async function readRun(file: string, files: readonly string[]): Promise<Run> {
  const metrics = await readMetrics(file);
  if (metrics.length === 0) {
    throw new CameoError(
      "ERR_INVALID_OPTION",
      `metrics ${JSON.stringify(file)}: no step is in it yet; wait for the first one`,
    );
  }
  const name = runName(file);
  const unique = files.filter((other) => runName(other) === name).length === 1;
  return { name: unique ? name : dirname(file), metrics };
}

function runName(file: string): string {
  return basename(dirname(resolve(file)));
}

function chartFormat(path: string): ChartFormat {
  const extension = extname(path);
  const format = chartFormats.find((known) => `.${known}` === extension.toLowerCase());
  if (format !== undefined) return format;
  const reason = extension === "" ? "it has no extension" : `${extension} is not known`;
  throw new CameoError(
    "ERR_INVALID_OPTION",
    `output ${JSON.stringify(path)}: ${reason}; write .png, .svg or .html`,
  );
}
