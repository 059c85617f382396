import { Command } from "commander";
import { CameoError } from "../errors.js";
import { notAllowed } from "../options/check.js";
import { defined } from "../options/defined.js";
import { checkLoadOptions, type LoadOptions } from "../options/load.js";
import { checkRequest } from "../options/sample.js";
import type { SampleRequest } from "../options/sample_options.js";
import type { Watch } from "./bench/measure.js";
import { type ModelChoice, modelShips } from "./bench/model.js";
import { reportLines } from "./bench/report.js";
import { defaultWork, drawnLayout, notOnGpus, runBench } from "./bench/run.js";
import type { WantedWork } from "./bench/work.js";
import { collect, type ModelFlags, number, size, withOutputFlags } from "./flags.js";
import { interruptible } from "./interrupt.js";
import { type OutputOptions, printEvent } from "./output.js";
import { createReporter } from "./progress.js";

interface BenchFlags extends ModelFlags, OutputOptions {
  drawn?: boolean;
  size?: [number, number];
  frames?: number;
  steps?: number;
  compare?: boolean;
}

const notes = `
Without --base it is the model that ships, or --drawn where none does. What a whole video takes is estimated from
what was measured, by the number of operations.

Examples:
  $ cameo bench
  $ cameo bench --drawn --compare
  $ cameo bench --base sd15/ --motion motion-adapter/ --subject videomaker.bin --dtype bf16
  $ cameo bench --device cuda --size 512x512 --frames 16 --json`;

/** `cameo bench`: how fast this machine is. */
export function benchCommand(): Command {
  const command = new Command("bench")
    .description("measure how fast this machine is, and what a video would take")
    .option("--base <path>", "image model: a Stable Diffusion 1.5 folder (default: the model that ships)")
    .option("--motion <path>", "AnimateDiff's motion modules")
    .option("--subject <path>", "VideoMaker checkpoint or adapters; again: adapters for it", collect)
    .option("--drawn", "a model of random weights: Stable Diffusion 1.5's layout at half its width")
    .option("--device <name>", "auto (default), cpu, cuda or cuda:1")
    .option("--dtype <name>", "auto (default), fp32, bf16 or fp16")
    .option(
      "--size <WxH>",
      `what is measured, in pixels (default: at most ${defaultWork.side}x${defaultWork.side})`,
      size,
    )
    .option("--frames <n>", `how many frames of it (default: ${defaultWork.frames})`, number)
    .option("--steps <n>", `steps, of which the first warms up (default: ${defaultWork.steps})`, number)
    .option("--compare", "measure libtorch's own kernels, too")
    .addHelpText("after", notes)
    .action(bench);
  return withOutputFlags(command);
}

async function bench(flags: BenchFlags): Promise<void> {
  const choice = modelChoice(flags);
  checkBeforeLoading(flags, choice);
  const reporter = createReporter(flags);
  try {
    const onProgress: Watch["onProgress"] = (progress) => reporter.update(progress);
    const report = await interruptible((signal) =>
      runBench(choice, wantedWork(flags), flags.compare === true, { signal, onProgress }),
    );
    reporter.stop();
    if (flags.json) printEvent("done", { ...report });
    else process.stdout.write(`${reportLines(report).join("\n")}\n`);
  } finally {
    reporter.stop();
  }
}

function modelChoice(flags: BenchFlags): ModelChoice {
  const { base, motion, subject, device, dtype } = flags;
  const paths = defined({ base, motion, subject }) as LoadOptions;
  const options = defined({ device, dtype }) as LoadOptions;
  const [named] = Object.keys(paths);
  if (flags.drawn && named !== undefined) {
    throw invalid(`drawn: --${named} names another model; leave one of the two out`);
  }
  const isDrawn = flags.drawn || (named === undefined && !modelShips());
  return isDrawn ? { layout: drawnLayout, options } : { options: { ...paths, ...options } };
}

/** All that can be known to be wrong before gigabytes are read. */
function checkBeforeLoading(flags: BenchFlags, choice: ModelChoice): void {
  checkLoadOptions("layout" in choice ? { ...choice.options, base: "drawn" } : choice.options);
  checkRequest({ prompt: "", ...wantedWork(flags) } as SampleRequest);
  const { steps, compare, device } = flags;
  if (steps !== undefined && steps < 2)
    throw notAllowed("steps", steps, "at least 2: the first one warms up");
  if (compare && device?.startsWith("cuda")) throw notOnGpus();
}

function wantedWork({ size, frames, steps }: BenchFlags): WantedWork {
  const [width, height] = size ?? [];
  return defined({ width, height, frames, steps });
}

function invalid(message: string): CameoError {
  return new CameoError("ERR_INVALID_OPTION", message);
}
