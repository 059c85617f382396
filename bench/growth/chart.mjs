// The picture of the growth's benchmark: above, what was measured beside what the operations say; below, the operations.
import { total } from "#ts/operations.js";
import { chartStyle, legendStyle } from "../report.mjs";

export const growthChartSize = { width: 1240, height: 820 };

const titles = { frames: "frames", size: "width and height, pixels", references: "references" };
const kinds = ["convolutions", "products", "attention"];
const columns = { left: 80, width: 310, pitch: 390 };
const rows = [
  { top: 120, height: 280 },
  { top: 480, height: 260 },
];

/** Points that differ from the centre along this axis alone, in its order. */
function pointsOf({ points, center, axes }, axis) {
  return axes[axis].flatMap((value) => {
    const wanted = { ...center, [axis]: value };
    return points.filter((point) => Object.keys(wanted).every((name) => point[name] === wanted[name]));
  });
}

/** Results of run.mjs, with a list of points. */
export function growthChart(results) {
  const { center, axes, width, cpu, threads, dtype } = results;
  const [middle] = pointsOf({ ...results, axes: { frames: [center.frames] } }, "frames");
  const secondsPerOperation = middle?.seconds ? middle.seconds / total(middle.operations) : undefined;
  const names = Object.keys(axes);
  const cells = names.flatMap((axis, column) => rows.map((row) => ({ axis, column, row })));
  return {
    ...chartStyle(
      "A UNet evaluation's cost",
      `Stable Diffusion 1.5's layout with motion modules, ${width} of its width, ${dtype}; ${cpu}, ${threads} threads; ` +
        `around ${center.frames} frames of ${center.size}x${center.size} and ${center.references} reference`,
    ),
    legend: legendStyle,
    grid: cells.map(({ column, row }) => ({
      ...row,
      left: columns.left + column * columns.pitch,
      width: columns.width,
    })),
    xAxis: cells.map(({ axis }, gridIndex) => ({
      type: "value",
      gridIndex,
      name: titles[axis],
      nameLocation: "middle",
      nameGap: 28,
      minInterval: 1,
      min: axes[axis][0],
      max: axes[axis].at(-1),
    })),
    yAxis: cells.map(({ row }, gridIndex) => ({ type: "value", gridIndex, min: 0, name: unit(row) })),
    series: cells.flatMap(({ axis, row }, index) => {
      const points = pointsOf(results, axis);
      const place = { xAxisIndex: index, yAxisIndex: index };
      const series =
        row === rows[0] ? timeSeries(axis, points, secondsPerOperation) : countSeries(axis, points);
      return series.map((each) => ({ ...each, ...place }));
    }),
  };
}

function unit(row) {
  return row === rows[0] ? "s" : "T operations";
}

function timeSeries(axis, points, secondsPerOperation) {
  const measured = points.filter(({ seconds }) => seconds !== null);
  const predicted = secondsPerOperation === undefined ? [] : points;
  return [
    {
      name: "measured",
      type: "line",
      symbolSize: 9,
      data: measured.map((point) => [point[axis], point.seconds]),
    },
    {
      name: "by its operations, as fast as at the centre",
      type: "line",
      symbol: "none",
      lineStyle: { type: "dashed" },
      data: predicted.map((point) => [point[axis], total(point.operations) * secondsPerOperation]),
    },
  ];
}

function countSeries(axis, points) {
  return kinds.map((kind) => ({
    name: kind,
    type: "line",
    stack: `operations by ${axis}`,
    areaStyle: {},
    symbol: "none",
    data: points.map((point) => [point[axis], point.operations[kind] / 1e12]),
  }));
}
