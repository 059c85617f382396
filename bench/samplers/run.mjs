// How far samplers are from the probability flow with few and with many steps, on a mixture of Gaussians whose score is
// known. Writes bench/results/samplers.json and .webp.
//
//     node native/build.mjs --tests && node bench/samplers/run.mjs
//
// It measures no time, and takes less than a minute.
import { flowCases, flowErrors, orders } from "../../build/test/support/mixture.js";
import { printTable, saveChart, saveResults } from "../report.mjs";
import { samplersChart, samplersChartSize } from "./chart.mjs";

const steps = [10, 20, 40, 80, 160, 320, 640];
const short = (value) => Number(value.toPrecision(3));

const samplers = {};
for (const [name, { order, ...of }] of Object.entries(flowCases)) {
  const { errors, evaluations } = flowErrors(of, steps);
  const measured = orders(steps, errors);
  samplers[name] = {
    sampler: of.sampler,
    order,
    errors: errors.map(short).join(" "),
    evaluations: evaluations.join(" "),
    orders: measured.map((value) => value.toFixed(2)).join(" "),
  };
}
const results = { steps: steps.join(" "), samplers };
await saveResults("samplers", results);
printTable(
  ["", "order", ...steps.map((count) => `${count} steps`), "orders from each to the next"],
  Object.entries(samplers).map(([name, each]) => [name, each.order, ...each.errors.split(" "), each.orders]),
);
await saveChart("samplers", samplersChart(results), samplersChartSize);
