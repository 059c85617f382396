import type { SeriesOption } from "echarts";
import { test } from "tap";
import { metricsCharts, type Run, smoothed } from "#ts/training/charts.js";
import type { StepMetrics } from "#ts/training/metrics.js";

function run(name: string, losses: (number | null)[], changes: Partial<StepMetrics> = {}): Run {
  const metrics = losses.map((loss, i) => ({
    step: i + 1,
    epoch: 0,
    loss,
    lossVideo: loss,
    learningRate: 2e-5,
    gradientNorm: 1 + i,
    skipped: loss === null,
    samplesPerSecond: 1,
    secondsPerStep: 1,
    waitShare: 0,
    time: "2025-01-01T00:00:00.000Z",
    ...changes,
  }));
  return { name, metrics };
}

interface Series {
  name: string;
  type: string;
  yAxisIndex?: number;
  data: [number, number | null][];
  lineStyle?: { color: string; type: string };
}

function seriesOf(runs: Run[], smooth: number): Series[] {
  return metricsCharts(runs, smooth).series as SeriesOption[] as Series[];
}

test("the moving mean is one, from the first value on", (t) => {
  t.strictSame(smoothed([3, 5, 1], 1), [3, 5, 1]);
  for (const value of smoothed(Array(50).fill(0.7), 9)) t.ok(Math.abs((value as number) - 0.7) < 1e-12);
  const rising = smoothed([0, 1], 3) as number[];
  t.equal(rising[0], 0);
  // Weights 1/4 and 1/2 of two values.
  t.ok(Math.abs((rising[1] as number) - 2 / 3) < 1e-12);
  t.strictSame(smoothed([null, 4, null, 4], 5), [null, 4, 4, 4]);
  t.end();
});

test("each run has its loss, the loss's mean, its learning rate and its gradients' norm", (t) => {
  const series = seriesOf([run("a", [3, 1]), run("b", [5, 5, 5])], 3);
  t.strictSame(
    series.map(({ name, yAxisIndex }) => [name, yAxisIndex]),
    [...[0, 0, 1, 2].map((chart) => ["a", chart]), ...[0, 0, 1, 2].map((chart) => ["b", chart])],
  );
  const [loss, mean, rate, norm] = series;
  t.strictSame(loss?.data, [
    [1, 3],
    [2, 1],
  ]);
  t.strictSame(mean?.data, [
    [1, 3],
    [2, 1.66667],
  ]);
  t.strictSame(rate?.data, [
    [1, 2],
    [2, 2],
  ]);
  t.match(metricsCharts([run("a", [1])], 1).yAxis, [{}, { name: "learning rate, in 1e-5" }, {}]);
  t.strictSame(norm?.data, [
    [1, 1],
    [2, 2],
  ]);
  const colors = new Set(series.map(({ name, lineStyle }) => `${name} ${lineStyle?.color}`));
  t.equal(colors.size, 2, "a colour for each run");
  t.equal(seriesOf([run("a", [3, 1])], 1).length, 3, "no mean of single steps");
  t.end();
});

test("runs beyond the last colour are dashed", (t) => {
  const series = seriesOf(
    Array.from({ length: 15 }, (_, i) => run(`run ${i}`, [1])),
    1,
  );
  const looks = new Set(series.map(({ lineStyle }) => `${lineStyle?.color} ${lineStyle?.type}`));
  t.equal(looks.size, 15);
  t.end();
});

test("skipped steps are marked on the mean of the loss", (t) => {
  const series = seriesOf([run("a", [null, 2, null, 2])], 3);
  const skipped = series.find(({ type }) => type === "scatter");
  t.match(skipped, {
    name: "skipped step",
    data: [
      [1, 0],
      [3, 2],
    ],
  });
  t.match(metricsCharts([run("a", [null])], 1).legend, { data: [{ name: "a" }, { name: "skipped step" }] });
  t.notOk(seriesOf([run("a", [2])], 3).some(({ type }) => type === "scatter"));
  t.end();
});

test("the gradients' axis is logarithmic where they span decades", (t) => {
  const axis = (...norms: (number | null)[]) => {
    const runs = norms.map((gradientNorm, i) => run(`${i}`, [1], { gradientNorm }));
    const axes = metricsCharts(runs, 1).yAxis as { type: string }[];
    return axes[2]?.type;
  };
  t.equal(axis(0.5, 20), "value");
  t.equal(axis(0.1, 20), "log");
  t.equal(axis(0, null, 20), "value");
  const zero = seriesOf(
    [run("a", [1], { gradientNorm: 0 }), run("b", [1], { gradientNorm: 0.001 }), run("c", [1])],
    1,
  );
  t.strictSame(zero[2]?.data, [[1, null]], "which has no place for 0");
  t.end();
});

test("the settings are plain JSON, as a page needs them", (t) => {
  const charts = metricsCharts([run("a", [null, 2, 1])], 2);
  t.strictSame(JSON.parse(JSON.stringify(charts)), charts);
  t.end();
});
