// Ours against others: every side in turn, each time in a process of its own; medians, ratios, a table and a picture.
import { parseArgs } from "node:util";
import { median } from "#ts/median.js";
import { ratioChart, ratioChartSize } from "./ratio_chart.mjs";
import { machine, measure, printTable, saveChart, saveResults } from "./report.mjs";

const text = { type: "string" };
const flag = { type: "boolean", default: false };

/** The command line's options, texts but for those whose default is false, and what else is on it. */
export function readOptions(defaults) {
  const entries = Object.entries({ repeats: "3", threads: "2", only: undefined, ...defaults });
  const options = entries.map(([name, value]) => [
    name,
    value === false ? flag : { ...text, default: value },
  ]);
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: Object.fromEntries(options),
  });
  return { options: values, positionals };
}

async function runInTurn(sides, { repeats, threads }) {
  const runs = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  for (let i = 0; i < Number(repeats); i++) {
    for (const [side, command] of Object.entries(sides)) runs[side].push(await measure(command, threads));
  }
  return runs;
}

/** Of a list in a report the first, which also warms the allocator up, is left out where there are more. */
function valuesOf(reports, key) {
  return reports.flatMap(({ [key]: value }) => (value.length > 1 ? value.slice(1) : value));
}

function summarise(runs, keys) {
  const medianOf = (reports, key) => median(valuesOf(reports, key));
  const medians = {};
  for (const [side, reports] of Object.entries(runs)) {
    medians[side] = Object.fromEntries(keys.map((key) => [key, medianOf(reports, key)]));
  }
  const [ours, ...others] = Object.values(medians);
  const ratio = (key) => ours[key] / Math.min(...others.map((other) => other[key]));
  return { medians, ratios: Object.fromEntries(keys.map((key) => [key, ratio(key)])), runs };
}

function print(name, { medians, ratios, bounds }, measures) {
  const rows = Object.entries(measures).map(([key, label]) => {
    const unit = key.endsWith("Bytes") ? 2 ** 30 : 1;
    const numbers = [...Object.values(medians).map((side) => side[key] / unit), ratios[key]];
    const bound = bounds[key] === undefined ? "" : `<= ${bounds[key]}`;
    return [label, ...numbers.map((number) => number.toFixed(2)), bound];
  });
  printTable([name, ...Object.keys(medians), "ratio", "bound"], rows);
  console.log();
}

/** What the picture shows: a row for every measure of every case. */
function chartRows(cases, measures) {
  return Object.entries(cases).flatMap(([group, { medians, ratios, bounds }]) => {
    const [ours] = Object.keys(medians);
    return Object.entries(measures).map(([key, label]) => {
      const name = label.replace(/, [^,]*$/, "");
      return { group, name, forms: [ours], ratios: { [ours]: ratios[key] }, bound: bounds[key] };
    });
  });
}

async function saveComparison(name, title, results, measures) {
  await saveResults(name, results);
  const rows = chartRows(results.cases, measures);
  const subtitle = `${results.cpu}, ${results.threads} threads; medians of ${results.repeats}, in turn`;
  const others = Object.values(results.cases).flatMap(({ medians }) => Object.keys(medians).slice(1));
  const axis = `of ${[...new Set(others)].join(", ")}`;
  await saveChart(name, ratioChart({ title, subtitle, axis, cases: rows }), ratioChartSize(rows));
}

/**
 * Compares the sides of every case: `cases` are `{ [case]: { sides: { [side]: command }, bounds } }`; the first side is ours,
 * a ratio is that to the best of the others, and `bounds` say how large it may be. `measures` are what the sides' reports are
 * asked for, and how it is called. `further` gives more to save with a case. Saves `name`.json and .webp, and sets the exit code
 * to 1 where a bound is broken.
 */
export async function compareSides({ name, title, cases, measures, options, further }) {
  const { only, python, source, cli, ...about } = options; // but for where things are
  const results = { ...about, ...machine(options.threads), cases: {} };
  for (const [group, { sides, bounds }] of Object.entries(cases)) {
    if (only !== undefined && !only.split(",").includes(group)) continue;
    const result = { bounds, ...summarise(await runInTurn(sides, options), Object.keys(measures)) };
    results.cases[group] = { ...result, ...(await further?.(group)) };
    print(group, result, measures);
    await saveComparison(name, title, results, measures);
  }
  const isBroken = ({ ratios, bounds }) => Object.entries(bounds).some(([key, bound]) => ratios[key] > bound);
  process.exitCode = Object.values(results.cases).some(isBroken) ? 1 : 0;
}
