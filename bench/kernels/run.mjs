// The kernels alone against libtorch's, on this CPU: PISA, convolutions, attention, group norm, feed-forward. All forms
// of a case in turn, in one process; medians of their seconds, and each one's error against fp64 on the same numbers.
// Writes bench/results/kernels.json and .webp, and exits with 1 where a bound is broken.
//
//     npm run compile -- --tests
//     node bench/kernels/run.mjs [--repeats 7] [--threads 2] [--only "PISA"] [--quick]
//
// --only takes the beginning of a group's name; --quick runs everything once, on small tensors, to see whether it runs: its
// times mean nothing, and what it saves is called kernels_quick. The machine should have nothing else to do.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadLibtorch } from "#ts/libtorch/index.js";
import { median } from "#ts/median.js";
import { ratioChart, ratioChartSize } from "../ratio_chart.mjs";
import { machine, printTable, saveChart, saveResults } from "../report.mjs";
import { kernelCases } from "./cases.mjs";

const { values: options } = parseArgs({
  options: {
    repeats: { type: "string", default: "7" },
    threads: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});

process.env.OMP_NUM_THREADS = options.threads;
loadLibtorch({ cuda: false });
const addon = createRequire(import.meta.url)(
  fileURLToPath(new URL("../../build/test-addon/cameo_test.node", import.meta.url)),
);
const repeats = options.quick ? 1 : Number(options.repeats);
const file = options.quick ? "kernels_quick" : "kernels";

/** A case with the seconds and errors of its forms; `ratio` is the first form's part of the plain one's time. */
function measureCase({ probe, config, ...about }) {
  const measured = addon.run(probe, JSON.stringify({ ...config, repeats, errors: true }), {});
  const seconds = {};
  const errors = {};
  for (const [name, { data }] of Object.entries(measured)) {
    const [kind, form, output] = name.split(".");
    if (kind === "seconds") seconds[form] = { median: median(data), all: [...data] };
    else errors[form] = { ...errors[form], [output]: data[0] };
  }
  const part = (form) => seconds[form].median / seconds[about.plain].median;
  const forms = about.forms.filter((form) => form in seconds);
  const ratios = Object.fromEntries(forms.map((form) => [form, part(form)]));
  return { ...about, config, forms, seconds, errors, ratios };
}

const worst = (errors) => Math.max(...Object.values(errors)).toExponential(0);
const milliseconds = (seconds) => (1000 * seconds).toFixed(1);

function rows({ name, forms, plain, seconds, errors, ratios, bound }) {
  const first = [name, plain, milliseconds(seconds[plain].median), "", "", worst(errors[plain])];
  const others = forms.map((form, i) => {
    const limit = i === 0 && bound !== undefined ? `<= ${bound}` : "";
    return [
      "",
      form,
      milliseconds(seconds[form].median),
      ratios[form].toFixed(2),
      limit,
      worst(errors[form]),
    ];
  });
  return [first, ...others];
}

const isBroken = ({ bound, forms, ratios }) => bound !== undefined && ratios[forms[0]] > bound;

const results = { ...machine(options.threads), repeats, cases: [] };
for (const each of kernelCases(options.quick)) {
  if (!each.group.startsWith(options.only)) continue;
  process.stderr.write(`${each.group}: ${each.name}\n`);
  results.cases.push(measureCase(each));
  await saveResults(file, results);
}
for (const group of new Set(results.cases.map(({ group }) => group))) {
  const cases = results.cases.filter((each) => each.group === group);
  printTable([group, "form", "ms", "ratio", "bound", "error"], cases.flatMap(rows));
  console.log();
}
const chart = ratioChart({
  title: "Kernels: part of the time of libtorch's own",
  subtitle: `${results.cpu}, ${results.threads} threads; medians of ${repeats}, in turn`,
  axis: "of plain",
  cases: results.cases,
});
await saveChart(file, chart, ratioChartSize(results.cases));
process.exitCode = !options.quick && results.cases.some(isBroken) ? 1 : 0;
