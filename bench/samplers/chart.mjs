// The picture of the samplers' benchmark: the error over the evaluations of the model, both logarithmic, a panel for each order.
import { chartStyle, legendStyle } from "../report.mjs";

export const samplersChartSize = { width: 1240, height: 620 };

const panels = [
  { title: "order 1", holds: ({ order }) => order === 1 },
  { title: "order 2", holds: ({ order }) => order === 2 },
  { title: "order 3 and 4", holds: ({ order }) => order > 2 },
];
const columns = { left: 80, width: 320, pitch: 400 };
const numbers = (text) => text.split(" ").map(Number);

/** Results of run.mjs. A line's name ends in the order measured between 80 and 160 steps. */
export function samplersChart({ steps, samplers }) {
  const at = numbers(steps).indexOf(80);
  const lines = Object.entries(samplers).map(([name, each]) => ({
    name: `${name}: ${numbers(each.orders)[at].toFixed(1)}`,
    panel: panels.findIndex(({ holds }) => holds(each)),
    data: numbers(each.errors).map((error, i) => [numbers(each.evaluations)[i], error]),
  }));
  const symbols = ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect", "emptyTriangle"];
  const style = chartStyle(
    "Samplers' errors, and how fast they fall",
    "distance from the exact probability flow on a mixture of Gaussians; beside each name, the order measured from 80 to 160 steps",
  );
  return {
    ...style,
    legend: panels.map((_, panel) => ({
      ...legendStyle,
      top: 120,
      left: columns.left + panel * columns.pitch,
      orient: "vertical",
      itemGap: 6,
      data: lines.filter((line) => line.panel === panel).map(({ name }) => name),
    })),
    grid: panels.map((_, i) => ({
      top: 330,
      height: 230,
      left: columns.left + i * columns.pitch,
      width: columns.width,
    })),
    graphic: panels.map(({ title }, i) => ({
      type: "text",
      left: columns.left + i * columns.pitch,
      top: 90,
      style: { text: title, font: "bold 15px 'DejaVu Sans'", fill: "#333333" },
    })),
    xAxis: panels.map((_, gridIndex) => ({
      type: "log",
      gridIndex,
      name: "evaluations of the model",
      nameLocation: "middle",
      nameGap: 28,
      min: 10,
      max: 1300,
    })),
    yAxis: panels.map((_, gridIndex) => ({
      type: "log",
      gridIndex,
      min: 1e-8,
      max: 1,
      axisLabel: { formatter: (value) => value.toExponential(0) },
    })),
    series: panels.flatMap((_, panel) =>
      lines
        .filter((line) => line.panel === panel)
        .map(({ name, data }, i) => ({
          name,
          type: "line",
          data,
          symbol: symbols[i],
          symbolSize: 8,
          itemStyle: { color: style.color[i % style.color.length] },
          xAxisIndex: panel,
          yAxisIndex: panel,
        })),
    ),
  };
}
