import type { EChartsOption, LegendComponentOption, SeriesOption } from "echarts";
import type { StepMetrics } from "./metrics.js";

export interface Run {
  /** As the legend calls it. */
  name: string;
  metrics: readonly StepMetrics[];
}

/** In pixels; a page may be wider. */
export const chartSize = { width: 1120, height: 1010 };

/** Okabe and Ito's colours, which the colour-blind tell apart; lines are dashed once these are used up. */
const colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
const dashes = ["solid", "dashed", "dotted"] as const;
const ink = "#333333";
const skippedName = "skipped step";
const cross = "path://M0 1L1 0L5 4L9 0L10 1L6 5L10 9L9 10L5 6L1 10L0 9L4 5Z";

/** From the top of one chart to that of the next. */
const pitch = 300;
const grid = { top: 124, height: 220, left: 84, right: 32 };
/** Above this ratio of the largest to the smallest, an axis is logarithmic. */
const decades = 100;

type Points = [step: number, value: number | null][];
type Measured = "loss" | "learningRate" | "gradientNorm";

/**
 * Loss, learning rate and gradient norm over the steps of one or more runs, one chart above the other, as
 * settings for echarts that are plain JSON. The loss is also shown as a moving mean over about `smooth` steps.
 */
export function metricsCharts(runs: readonly Run[], smooth: number): EChartsOption {
  const unit = learningRateUnit(runs);
  const logarithmic = spansDecades(runs.flatMap(({ metrics }) => metrics.map((step) => step.gradientNorm)));
  const series = runs.flatMap((run, i) => runSeries(run, i, smooth, unit, logarithmic));
  const skipped = runs.flatMap((run) => skippedPoints(run, smooth));
  if (skipped.length > 0) series.push(skippedSeries(skipped));
  const axes = [
    { name: "loss" },
    { name: unit === 1 ? "learning rate" : `learning rate, in ${unit.toExponential(0)}` },
    { name: "gradient norm", type: logarithmic ? "log" : "value" } as const,
  ];
  return {
    animation: false,
    backgroundColor: "#ffffff",
    color: colors,
    textStyle: { fontFamily: "'DejaVu Sans', Verdana, Helvetica, sans-serif", color: ink },
    title: {
      text: runs.length === 1 ? `Training of ${runs[0]?.name}` : `Training of ${runs.length} runs`,
      subtext: smooth > 1 ? `Loss: thin, of each step; bold, moving mean over ${smooth} steps` : "",
      left: 24,
      top: 16,
      textStyle: { fontSize: 20, color: ink },
      subtextStyle: { fontSize: 14, color: "#555555" },
    },
    legend: legend(runs, skipped.length > 0),
    tooltip: { trigger: "axis" },
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    grid: axes.map((_, i) => ({ ...grid, top: grid.top + i * pitch })),
    xAxis: axes.map((_, gridIndex) => stepAxis(gridIndex)),
    yAxis: axes.map((axis, gridIndex) => valueAxis(axis, gridIndex)),
    series,
  };
}

/** The smoothing that shows the course of the loss: a fiftieth of the longest run. */
export function defaultSmooth(runs: readonly Run[]): number {
  return Math.max(1, Math.round(Math.max(...runs.map(({ metrics }) => metrics.length)) / 50));
}

/**
 * An exponential moving mean with the weight that a mean over `steps` has, without a bias to the first value.
 * Values that are missing leave it as it was.
 */
export function smoothed(values: readonly (number | null)[], steps: number): (number | null)[] {
  const rate = 2 / (steps + 1);
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (value !== null) {
      sum += rate * (value - sum);
      weight += rate * (1 - weight);
    }
    return weight === 0 ? null : sum / weight;
  });
}

function runSeries(
  run: Run,
  index: number,
  smooth: number,
  unit: number,
  logarithmic: boolean,
): SeriesOption[] {
  const color = colors[index % colors.length] as string;
  const type = dashes[Math.floor(index / colors.length) % dashes.length] as (typeof dashes)[number];
  const line = (chart: number, data: Points, width: number, opacity: number): SeriesOption => ({
    name: run.name,
    type: "line",
    xAxisIndex: chart,
    yAxisIndex: chart,
    data,
    showSymbol: data.length === 1,
    // A spike has to be seen, however many steps share a pixel.
    sampling: "minmax",
    itemStyle: { color },
    lineStyle: { color, width, opacity, type },
    // No other run's noise covers a mean.
    z: width > 2 ? 3 : 2,
  });
  const norms = points(run, "gradientNorm").map(
    ([step, value]) => [step, logarithmic && value !== null && value <= 0 ? null : value] as Points[number],
  );
  const rates = points(run, "learningRate", unit);
  return [
    line(0, points(run, "loss"), 1, smooth > 1 ? 0.35 : 1),
    ...(smooth > 1 ? [line(0, smoothedLoss(run, smooth), 2.5, 1)] : []),
    line(1, rates, 2, 1),
    line(2, norms, 1, 1),
  ];
}

function points({ metrics }: Run, name: Measured, unit = 1): Points {
  return metrics.map((step) => [step.step, rounded(step[name], unit)]);
}

function smoothedLoss({ metrics }: Run, smooth: number): Points {
  const values = smoothed(
    metrics.map(({ loss }) => loss),
    smooth,
  );
  return metrics.map(({ step }, i) => [step, rounded(values[i] as number | null)]);
}

/** More digits than anyone reads would make a page of 100,000 steps twice as large. */
function rounded(value: number | null, unit = 1): number | null {
  return value === null ? null : Number((value / unit).toPrecision(6));
}

/** On the line of the smoothed loss, because such a step's own loss may not be a number. */
function skippedPoints(run: Run, smooth: number): Points {
  const losses = smoothedLoss(run, smooth);
  return losses.filter((_, i) => run.metrics[i]?.skipped).map(([step, loss]) => [step, loss ?? 0]);
}

function skippedSeries(data: Points): SeriesOption {
  return {
    name: skippedName,
    type: "scatter",
    data,
    symbol: cross,
    symbolSize: 11,
    itemStyle: { color: "#000000" },
    z: 10,
  };
}

function legend(runs: readonly Run[], skipped: boolean): LegendComponentOption {
  const names = [...runs.map(({ name }) => name), ...(skipped ? [skippedName] : [])];
  return {
    type: "scroll",
    top: 72,
    left: 24,
    // Without a browser, names are wider than echarts thinks.
    itemGap: 32,
    textStyle: { fontSize: 14, color: ink },
    data: names.map((name) => ({ name, icon: name === skippedName ? cross : "roundRect" })),
  };
}

function stepAxis(gridIndex: number) {
  return {
    gridIndex,
    type: "value",
    min: "dataMin",
    max: "dataMax",
    minInterval: 1,
    name: "optimiser step",
    nameLocation: "middle",
    nameGap: 30,
    nameTextStyle: { fontSize: 14, color: ink },
    axisLabel: { fontSize: 13, color: ink, hideOverlap: true },
    axisLine: { onZero: false, lineStyle: { color: ink } },
    splitLine: { show: false },
  } as const;
}

function valueAxis({ name, type = "value" }: { name: string; type?: "log" | "value" }, gridIndex: number) {
  return {
    gridIndex,
    type,
    scale: type === "value" && name === "loss",
    name,
    nameLocation: "middle",
    nameRotate: 90,
    nameGap: 60,
    nameTextStyle: { fontSize: 14, color: ink },
    axisLabel: { fontSize: 13, color: ink },
    splitLine: { lineStyle: { color: "#e3e3e3" } },
  } as const;
}

/** The power of ten that is nearest to the largest learning rate, where that is small. */
function learningRateUnit(runs: readonly Run[]): number {
  const most = runs
    .flatMap(({ metrics }) => metrics)
    .reduce((max, { learningRate }) => Math.max(max, learningRate), 0);
  return most > 0 && most < 0.01 ? Number(`1e${Math.round(Math.log10(most))}`) : 1;
}

function spansDecades(values: readonly (number | null)[]): boolean {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const value of values) {
    if (value === null || value <= 0) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return most / least > decades;
}
