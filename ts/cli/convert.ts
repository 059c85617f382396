import { Command } from "commander";
import { convert, type Layout } from "../convert.js";
import { withOutputFlags } from "./flags.js";
import { pathOfModel } from "./hub_path.js";
import { interruptible } from "./interrupt.js";
import { type OutputOptions, printEvent } from "./output.js";
import { createReporter } from "./progress.js";

interface ConvertFlags extends OutputOptions {
  to?: Layout;
}

const examples = `
Tensors keep their bytes and their types, and a file its metadata; what the other layout can't hold is an error. Nothing
is left of a conversion that fails or is interrupted.

Examples:
  $ cameo convert realistic-vision.safetensors realistic-vision/
  $ cameo convert sd15/ sd15.safetensors
  $ cameo convert mm_sd_v15_v2.ckpt motion-v2/
  $ cameo convert motion-adapter/ mm.safetensors --to original
  $ cameo convert style-kohya.safetensors style.safetensors --to peft`;

/** `cameo convert`: the same weights in another layout. */
export function convertCommand(): Command {
  const command = new Command("convert")
    .description("write a model or a LoRA in another layout: one file or diffusers' folders, other names")
    .argument("<input>", "a weight file or a folder, or an hf:owner/name")
    .argument("<output>", "a folder or a .safetensors file, by the layout; nothing may be there yet")
    .option("--to <layout>", "diffusers or original, of a LoRA kohya or peft (default: the other one)");
  return withOutputFlags(command).addHelpText("after", examples).action(run);
}

async function run(input: string, output: string, flags: ConvertFlags): Promise<void> {
  const reporter = createReporter(flags);
  try {
    const onProgress = reporter.update.bind(reporter);
    const converted = await interruptible(async (signal) =>
      convert(await pathOfModel(input, reporter, signal), output, { to: flags.to, signal, onProgress }),
    );
    reporter.stop();
    if (flags.json) printEvent("done", { ...converted });
    else process.stdout.write(`${output}\n`);
  } finally {
    reporter.stop();
  }
}
