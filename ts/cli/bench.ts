import { Command } from "commander";
import { invalid, notAllowed } from "../options/check.js";
import { defined } from "../options/defined.js";
import { checkLoadOptions } from "../options/load.js";
import { type LoadOptionName, loadEntries } from "../options/load_options.js";
import { checkRequest } from "../options/sample.js";
import type { SampleRequest } from "../options/sample_options.js";
import type { Watch } from "./bench/measure.js";
import { type ModelChoice, modelShips } from "./bench/model.js";
import { reportLines } from "./bench/report.js";
import { defaultWork, drawnLayout, notOnGpus, runBench } from "./bench/run.js";
import type { WantedWork } from "./bench/work.js";
import { number, size, withOutputFlags } from "./flags.js";
import { interruptible } from "./interrupt.js";
import { type LoadFlags, loadOptionsOf, withLoadFlags } from "./load_flags.js";
import { type OutputOptions, printEvent } from "./output.js";
import { createReporter } from "./progress.js";

interface BenchFlags extends LoadFlags, OutputOptions {
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

/** It compares kernels itself, and measures what takes no budget. */
const notMeasured: LoadOptionName[] = ["kernels", "maxMemory"];

/** `cameo bench`: how fast this machine is. */
export function benchCommand(): Command {
  const command = new Command("bench")
    .description("measure how fast this machine is, and what a video would take")
    .option("--drawn", "a model of random weights: Stable Diffusion 1.5's layout at half its width")
    .option(
      "--size <WxH>",
      `what is measured, in pixels (default: at most ${defaultWork.side}x${defaultWork.side})`,
      size,
    )
    .option("--frames <n>", `how many frames of it (default: ${defaultWork.frames})`, number)
    .option("--steps <n>", `steps, of which the first warms up (default: ${defaultWork.steps})`, number)
    .option("--compare", "measure libtorch's own kernels, too");
  withLoadFlags(command, (name) => !notMeasured.includes(name));
  return withOutputFlags(command).addHelpText("after", notes).action(bench);
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
  const given = loadOptionsOf(flags);
  const named = loadEntries.find(([name, { computing }]) => !computing && given[name] !== undefined)?.[0];
  if (flags.drawn && named !== undefined) {
    throw invalid(`drawn: --${named} names another model; leave one of the two out`);
  }
  const isDrawn = flags.drawn || (named === undefined && !modelShips());
  return isDrawn ? { layout: drawnLayout, options: given } : { options: given };
}

/** All that can be known to be wrong before gigabytes are read. */
function checkBeforeLoading(flags: BenchFlags, choice: ModelChoice): void {
  checkLoadOptions("layout" in choice ? { ...choice.options, base: "drawn" } : choice.options);
  checkRequest({ prompt: "", ...wantedWork(flags) } as SampleRequest);
  const { steps, compare } = flags;
  if (steps !== undefined && steps < 2)
    throw notAllowed("steps", steps, "at least 2: the first one warms up");
  if (compare && choice.options.device?.startsWith("cuda")) throw notOnGpus();
}

function wantedWork({ size, frames, steps }: BenchFlags): WantedWork {
  const [width, height] = size ?? [];
  return defined({ width, height, frames, steps });
}
