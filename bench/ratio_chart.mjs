// A picture of ratios: of each case, what every form's number is of the number that it is compared to, and the bound.
import { chartStyle, legendStyle } from "./report.mjs";

const rowHeight = 20;
const head = 110;

/** One row for each form of each case, and an empty one with the group's name before its first. */
function rowsOf(cases) {
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

export function ratioChartSize(cases) {
  return { width: 1120, height: head + 76 + rowHeight * rowsOf(cases).length };
}

/** Cases `{ group, name, forms, ratios, bound }`; `ratios` by form, and the bound, if there is one, is of the first. */
export function ratioChart({ title, subtitle, axis, cases }) {
  const rows = rowsOf(cases);
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
    ...chartStyle(title, subtitle),
    legend: { ...legendStyle, data: [...forms, "bound"] },
    grid: { top: head, bottom: 56, left: 400, right: 40 },
    xAxis: { type: "value", min: 0, name: axis, nameLocation: "middle", nameGap: 28, splitNumber: 8 },
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

/** A line where both are the same. */
function onePart() {
  const markLine = { symbol: "none", silent: true, label: { show: false }, data: [{ xAxis: 1 }] };
  return { type: "line", data: [], markLine: { ...markLine, lineStyle: { color: "#555555" } } };
}
