// The picture of the kernels' benchmark: each form's part of the time that libtorch's own takes.
import { chartStyle, legendStyle } from "../report.mjs";

const rowHeight = 20;
const head = 110;

/** One row for each form of each case, and an empty one with the group's name before its first. */
function rowsOf({ cases }) {
  const rows = [];
  let last;
  for (const { group, name, forms, ratios, bound } of cases) {
    if (group !== last) rows.push({ label: `{group|${group}}` });
    last = group;
    for (const [i, form] of forms.entries()) {
      rows.push({
        label: i === 0 ? name : "",
        form,
        ratio: ratios[form],
        bound: i === 0 ? bound : undefined,
      });
    }
  }
  return rows;
}

export function kernelChartSize(results) {
  return { width: 1120, height: head + 60 + rowHeight * rowsOf(results).length };
}

export function kernelChart(results) {
  const rows = rowsOf(results);
  const forms = [...new Set(rows.map(({ form }) => form).filter(Boolean))];
  const bars = forms.map((name) => ({
    name,
    type: "bar",
    stack: "one bar to a row",
    barWidth: 13,
    data: rows.map(({ form, ratio }) => (form === name ? ratio : null)),
    label: { show: true, position: "right", fontSize: 11, formatter: ({ value }) => value.toFixed(2) },
  }));
  const bounds = {
    name: "bound",
    type: "scatter",
    symbol: "rect",
    symbolSize: [3, 18],
    itemStyle: { color: "#000000" },
    data: rows.flatMap(({ bound }, i) => (bound === undefined ? [] : [[bound, i]])),
  };
  return {
    ...chartStyle(
      "Kernels: part of the time of libtorch's own",
      `${results.cpu}, ${results.threads} threads; medians of ${results.repeats}, in turn`,
    ),
    legend: { ...legendStyle, data: [...forms, "bound"] },
    grid: { top: head, bottom: 40, left: 400, right: 40 },
    xAxis: { type: "value", min: 0, name: "of plain", splitNumber: 8 },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map(({ label }) => label),
      axisTick: { show: false },
      axisLabel: { interval: 0, fontSize: 12, rich: { group: { fontWeight: "bold", fontSize: 13 } } },
    },
    series: [...bars, bounds, onePart()],
  };
}

/** A line where both take the same time. */
function onePart() {
  const markLine = { symbol: "none", silent: true, label: { show: false }, data: [{ xAxis: 1 }] };
  return { type: "line", data: [], markLine: { ...markLine, lineStyle: { color: "#555555" } } };
}
