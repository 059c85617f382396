// What the benchmarks share: running one side as a process of its own, the machine, tables, results, pictures.
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { encodeCharts } from "#ts/training/chart_formats.js";

const here = dirname(fileURLToPath(import.meta.url));

/** Runs a script of this folder and resolves with the JSON of its last line. */
export async function measure([program, script, ...args], threads) {
  const env = { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
  const { stdout } = await promisify(execFile)(program, [join(here, script), ...args], { env });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

export function machine(threads) {
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    threads,
    node: process.version,
  };
}

/** Lists of numbers on a line each. */
export async function saveResults(name, results) {
  const text = JSON.stringify(results, undefined, 2);
  const lists = /\[\s+(-?\d[^[\]{}"]*?)\s+\]/g;
  await save(`${name}.json`, `${text.replace(lists, (_, list) => `[${list.replace(/\s+/g, " ")}]`)}\n`);
}

/** The results that were saved under this name; undefined where there are none. */
export async function savedResults(name) {
  const text = await readFile(join(here, "results", `${name}.json`), "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/** A picture of charts, echarts' options, of twice `size`. */
export async function saveChart(name, charts, size) {
  const picture = await encodeCharts(charts, name, "png", size);
  // Of flat colours; with more of them the repository grows by twice as much.
  const flat = await sharp(picture).png({ palette: true, colours: 16, dither: 0 }).toBuffer();
  await save(`${name}.webp`, await sharp(flat).webp({ lossless: true, effort: 6 }).toBuffer());
}

/** What charts have in common. */
export function chartStyle(text, subtext) {
  return {
    animation: false,
    backgroundColor: "#ffffff",
    color: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"],
    textStyle: { fontFamily: "'DejaVu Sans', Verdana, Helvetica, sans-serif", color: "#333333" },
    title: { text, subtext, left: 24, top: 16 },
  };
}

/** Without a browser, names are wider than echarts thinks. */
export const legendStyle = { top: 72, left: 24, itemGap: 48 };

async function save(name, content) {
  const folder = join(here, "results");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), content);
}

/** Prints rows of texts; numbers stand to the right. */
export function printTable(head, rows) {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => String(row[i]).length)));
  const pad = (cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]));
  for (const row of [head, widths.map((width) => "-".repeat(width)), ...rows]) {
    console.log(row.map(pad).join("  "));
  }
}
