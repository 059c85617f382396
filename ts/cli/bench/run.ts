import { openAddon } from "../../addon.js";
import type { PipelineDescription } from "../../description.js";
import { CameoError } from "../../errors.js";
import { peakBytes, restartPeak } from "../../peak_memory.js";
import { measureParts, type Watch } from "./measure.js";
import {
  type BenchModel,
  type DrawnLayout,
  drawnShape,
  type ModelChoice,
  type ModelShape,
  openModel,
} from "./model.js";
import type { BenchReport, KernelReport } from "./report.js";
import { operationsOf, scaled, sumOf, type WantedWork, workOf } from "./work.js";

/** What is measured where nothing else is said: little enough for a full-size model on two cores. */
export const defaultWork = { side: 256, frames: 4, steps: 3 };

/** Narrow enough for less than 4 GB and, on two cores, a minute. */
export const drawnLayout: DrawnLayout = { width: 0.5, maxFrames: 32 };

const fullModel = "Stable Diffusion 1.5 with motion modules";

/** What is the same for all kernels. */
type Setting = Omit<BenchReport, "kernels">;

/** Measures the model, with both kinds of kernels where they are to be compared. Rejects as `Pipeline.sample` does. */
export async function runBench(
  choice: ModelChoice,
  wanted: WantedWork,
  compare: boolean,
  watch: Watch,
): Promise<BenchReport> {
  const { setting, kernel: fast } = await measureKernels("fast", choice, wanted, watch);
  if (!compare) return { ...setting, kernels: { fast } };
  if (setting.device !== "cpu") throw notOnGpus();
  const { kernel: plain } = await measureKernels("plain", choice, wanted, watch);
  return { ...setting, kernels: { fast, plain } };
}

export function notOnGpus(): CameoError {
  return new CameoError(
    "ERR_INVALID_OPTION",
    "compare: fast and plain kernels differ on CPUs alone; add --device cpu",
  );
}

/** One after the other, so that only one model is in memory. */
async function measureKernels(
  kernels: "fast" | "plain",
  choice: ModelChoice,
  wanted: WantedWork,
  watch: Watch,
): Promise<{ setting: Setting; kernel: KernelReport }> {
  restartPeak();
  const model = await openModel({ ...choice, options: { ...choice.options, ...watch, kernels } });
  try {
    const setting = await settingOf(model, choice, wanted);
    const seconds = await measureParts(model, setting.measured, watch);
    return { setting, kernel: kernelReport(model, choice, setting, seconds) };
  } finally {
    await model.native.close();
  }
}

async function settingOf(
  { description }: BenchModel,
  choice: ModelChoice,
  wanted: WantedWork,
): Promise<Setting> {
  const { device, dtype } = description;
  const { threads, cpu, libtorch } = JSON.parse(await openAddon().runtime());
  const model = modelName(choice);
  const parameters = description.networks.find(({ name }) => name === "unet")?.parameters ?? 0;
  const measured = workOf(description, { ...smallWork(description), ...wanted });
  return {
    ...{ device, dtype, threads, cpu, libtorch, model, parameters },
    measured,
    estimated: { ...workOf(description), ...("layout" in choice && { model: fullModel }) },
  };
}

function smallWork(description: PipelineDescription): WantedWork {
  const { width, height, frames } = workOf(description);
  const { side, steps } = defaultWork;
  return {
    width: Math.min(width, side),
    height: Math.min(height, side),
    frames: Math.min(frames, defaultWork.frames),
    steps,
  };
}

function modelName(choice: ModelChoice): string {
  if ("layout" in choice) return "Stable Diffusion 1.5's layout at half its width, random weights";
  const { base, motion, subject } = choice.options;
  return base === undefined
    ? "the model that ships"
    : [base, motion, subject].flat().filter(Boolean).join(", ");
}

function kernelReport(
  { description, shape, loadSeconds }: BenchModel,
  choice: ModelChoice,
  { measured, estimated }: Setting,
  seconds: Awaited<ReturnType<typeof measureParts>>,
): KernelReport {
  const isDrawn = "layout" in choice;
  const wantedShape: ModelShape = isDrawn ? drawnShape({ ...choice.layout, width: 1 }) : shape;
  const [done, wanted] = [
    operationsOf(shape, measured, description),
    operationsOf(wantedShape, estimated, description),
  ];
  return {
    ...(!isDrawn && { loadSeconds }),
    seconds,
    stepOperationsPerSecond: done.step / seconds.step,
    peakBytes: peakBytes(),
    estimatedSeconds: seconds.text + sumOf(scaled(seconds, done, wanted), estimated),
  };
}
