import { duration } from "../../duration.js";
import type { PartSeconds } from "./measure.js";
import type { Work } from "./work.js";

/** What was measured with one kind of kernels. */
export interface KernelReport {
  /** From nothing to a model that is ready; undefined where its weights were drawn. */
  loadSeconds?: number;
  seconds: PartSeconds;
  /** Floating-point operations a second of a denoising step, as its layers' direct forms have them. */
  stepOperationsPerSecond: number;
  /** The most memory that the process held, loading included. */
  peakBytes: number;
  /** What the video of `estimated` would take. */
  estimatedSeconds: number;
}

/** What `cameo bench` found out. */
export interface BenchReport {
  device: string;
  dtype: string;
  threads: number;
  /** The vector instructions that libtorch uses, such as "AVX2". */
  cpu: string;
  libtorch: string;
  model: string;
  /** Of the UNet. */
  parameters: number;
  measured: Work;
  /** The video whose time is estimated, and the model where it is another one. */
  estimated: Work & { model?: string };
  kernels: { fast: KernelReport; plain?: KernelReport };
}

/** The report as people read it. */
export function reportLines(report: BenchReport): string[] {
  const { device, dtype, threads, cpu, libtorch, model, parameters, measured, estimated, kernels } = report;
  const reports = Object.values(kernels);
  const times = reports.map(({ estimatedSeconds }) => duration(estimatedSeconds));
  const plain = kernels.plain ? ` (with plain kernels ${times[1]})` : "";
  const other = estimated.model === undefined ? "" : `${estimated.model}, `;
  return [
    row("device", `${device}${device === "cpu" ? `, ${cpu}, ${count(threads, "thread")}` : ""}, ${dtype}`),
    row("libtorch", libtorch),
    row("model", `${model}; a UNet of ${(parameters / 1e6).toFixed(0)} M parameters`),
    row("measured", workText(measured)),
    "",
    ...table(report),
    "",
    row("estimated", `${other}${workText(estimated)}, ${estimated.steps} steps: ${times[0]}${plain}`),
  ];
}

function row(name: string, value: string): string {
  return `${name.padEnd(11)}${value}`;
}

function workText({ width, height, frames, references, guidanceScale }: Work): string {
  const parts = [`${width}x${height}`, count(frames, "frame")];
  if (references > 0) parts.push(count(references, "reference"));
  if (guidanceScale > 1) parts.push("guidance");
  return parts.join(", ");
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

type Cell = (report: KernelReport) => number | undefined;

const rows: [label: string, Cell][] = [
  ["loading, s", ({ loadSeconds }) => loadSeconds],
  ["encoding the prompts, s", ({ seconds }) => seconds.text],
  ["encoding a reference, s", ({ seconds }) => seconds.reference || undefined],
  ["a denoising step, s", ({ seconds }) => seconds.step],
  ["  operations a second, G", ({ stepOperationsPerSecond }) => stepOperationsPerSecond / 1e9],
  ["decoding a frame, s", ({ seconds }) => seconds.frame],
  ["peak memory, GiB", ({ peakBytes }) => peakBytes / 2 ** 30],
];

/** One column for each kind of kernels, and the first one's part of the second where there are two. */
function table({ kernels: { fast, plain } }: BenchReport): string[] {
  const head = plain ? ["", "fast", "plain", "fast / plain"] : ["", ""];
  const body = rows.flatMap(([label, cell]) => {
    const [first, second] = [cell(fast), plain && cell(plain)];
    if (first === undefined) return [];
    const values = second === undefined ? [first] : [first, second, first / second];
    return [[label, ...values.map((value) => value.toPrecision(3))]];
  });
  const lines = plain ? [head, ...body] : body;
  return lines.map(
    ([label = "", ...cells]) => label.padEnd(26) + cells.map((cell) => cell.padStart(14)).join(""),
  );
}
