import { Command } from "commander";
import { CameoError } from "../errors.js";
import { defined } from "../options/defined.js";
import { checkLoadOptions, type LoadOptions } from "../options/load.js";
import {
  checkOutputs,
  checkReferences,
  checkRequest,
  defaultFrames,
  type SampleProgress,
  type SampleRequest,
} from "../options/sample.js";
import { Pipeline } from "../pipeline.js";
import { checkReferenceFiles } from "../prepared_request.js";
import type { SaveOptions, Video } from "../video.js";
import {
  bytes,
  collect,
  loadOptionsOf,
  type ModelFlags,
  number,
  range,
  size,
  withOutputFlags,
} from "./flags.js";
import { interruptible } from "./interrupt.js";
import { type OutputOptions, printEvent } from "./output.js";
import { PreviewFile } from "./preview.js";
import { createReporter, type Reporter } from "./progress.js";

/** The flags of `cameo sample` and of what makes a video as it does. */
export interface SampleFlags extends ModelFlags, OutputOptions {
  prompt: string;
  output: string;
  reference?: string[];
  negative?: string;
  seed?: number;
  steps?: number;
  guidance?: number;
  guidanceRange?: [number, number];
  cacheInterval?: number;
  cacheLayers?: number;
  tokenMerging?: number;
  frames?: number;
  size?: [number, number];
  fps?: number;
  scheduler?: string;
  referenceNoise?: number;
  referenceNoiseMode?: string;
  referenceLatents?: string;
  fit?: string;
  vaeTiling?: boolean;
  preview?: string;
  saveLatents?: string;
}

const examples = `
Without --base it is the model that ships, which knows drawn characters only: \`cameo demo\` makes a video with it, of a
picture that comes with it.

Examples:
  $ cameo sample --base sd15/ --motion motion-adapter/ --subject videomaker.bin \\
      --reference me.png --prompt "A person playing an acoustic guitar." -o out.mp4
  $ cameo sample --base sd15/ --motion motion-adapter/ --prompt "Waves on a beach." -o waves.webm
  $ cameo sample --base sd15/ --prompt "A lighthouse." --seed 7 -o still.png`;

/** `cameo sample`: a video from a prompt and a picture. */
export function sampleCommand(): Command {
  const command = new Command("sample")
    .description("make a video from a prompt and pictures of its subject")
    .requiredOption("-p, --prompt <text>", "what the video shows")
    .requiredOption("-o, --output <file>", "where to: .mp4 .webm .gif .webp .apng .png or frames-%03d.png")
    .option("-r, --reference <image>", "a picture of the subject; may be given again", collect)
    .option("--base <path>", "image model: a Stable Diffusion 1.5 folder (default: the model that ships)")
    .option("--motion <path>", "AnimateDiff's motion modules; without them a still is made")
    .option("--subject <path>", "VideoMaker checkpoint or adapters; again: adapters for it", collect);
  return withOutputFlags(withSamplingFlags(command)).addHelpText("after", examples).action(sample);
}

/** The flags that say how a video is made, of whatever model. */
export function withSamplingFlags(command: Command): Command {
  return command
    .option("--negative <text>", "what it should not show")
    .option("--seed <n>", "the same seed gives the same video (default: random)", number)
    .option("--steps <n>", "denoising steps (default: 30)", number)
    .option("--guidance <x>", "how strongly prompt and reference hold (default: 8)", number)
    .option("--guidance-range <from:to>", "the part of the schedule that is guided (default: 0:1)", range)
    .option(
      "--cache-interval <n>",
      "deep features every n steps only: faster, less exact (default: 1)",
      number,
    )
    .option("--cache-layers <n>", "outermost layers that run in every step all the same (default: 1)", number)
    .option(
      "--token-merging <ratio>",
      "share of tokens joined in self-attention, to 0.75 (default: 0)",
      number,
    )
    .option("--frames <n>", "how many frames (default: 16)", number)
    .option("--size <WxH>", "in pixels (default: the model's own)", size)
    .option("--fps <n>", "frames a second (default: 8)", number)
    .option("--scheduler <name>", "ddim (default)")
    .option("--device <name>", "auto (default), cpu, cuda or cuda:1")
    .option("--dtype <name>", "auto (default), fp32, bf16 or fp16")
    .option("--kernels <name>", "fast (default) or plain, which is slower and a little more exact")
    .option(
      "--max-memory <size>",
      "of the device, as in 6GB: slower in less (default: as much as there is)",
      bytes,
    )
    .option("--reference-noise <a>", "noise on the references, 0 to 1 (default: 0)", number)
    .option("--reference-noise-mode <mode>", "independent (default) or as-released")
    .option("--reference-latents <how>", "mode (default) or sample")
    .option("--fit <how>", "fit a reference by cover (default), contain or fill")
    .option("--vae-tiling", "decode in tiles: less memory for large frames")
    .option("--preview <file.png>", "write the newest preview here while sampling")
    .option("--save-latents <file>", "write the intermediate tensors to this .safetensors file");
}

/** Makes the video that the flags ask for, and says on stdout where it is. */
export async function sample(flags: SampleFlags): Promise<void> {
  const load = loadOptionsOf(flags);
  const request = sampleRequest(flags);
  await checkBeforeLoading(flags, load, request);
  const reporter = createReporter(flags);
  try {
    await interruptible((signal) => makeVideo(flags, load, request, reporter, signal));
  } finally {
    reporter.stop();
  }
}

/** All that can be known to be wrong before gigabytes are read and hours are spent. */
async function checkBeforeLoading(
  { output, preview, frames }: SampleFlags,
  load: LoadOptions,
  request: SampleRequest,
): Promise<void> {
  const { checkOutputPath, loadEncoder } = await import("../media/index.js");
  const { native } = checkLoadOptions(load);
  checkRequest(request);
  checkReferences(request.reference, native.subject !== undefined);
  checkOutputPath(output, frames ?? defaultFrames(native.motion !== undefined));
  if (preview !== undefined) checkOutputPath(preview, 1);
  checkOutputs(request);
  await loadEncoder(output);
  await checkReferenceFiles(request);
  if (preview !== undefined) await loadEncoder(preview);
}

async function makeVideo(
  flags: SampleFlags,
  load: LoadOptions,
  request: SampleRequest,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const previews = flags.preview === undefined ? undefined : new PreviewFile(flags.preview);
  const onProgress = (progress: SampleProgress) => {
    reporter.update(progress);
    if (progress.preview) previews?.show(progress.preview);
  };
  await using pipe = await Pipeline.load({
    ...load,
    signal,
    onProgress: (progress) => reporter.update(progress),
  });
  for (const warning of pipe.describe().warnings) warn(warning, flags);
  const video = await pipe.sample({ ...request, signal, onProgress });
  reporter.stop();
  for (const warning of video.warnings) warn(warning, flags);
  const onWarning = (message: string) => warn(message, flags);
  const paths = await saveOrRescue(video, flags.output, { signal, onWarning });
  await previews?.settled();
  if (flags.json) printEvent("done", { paths, request: video.request, warnings: video.warnings });
  else process.stdout.write(paths.map((path) => `${path}\n`).join(""));
}

/** What can't be written as asked is kept as an .apng beside it: hours of work may be in it. */
async function saveOrRescue(video: Video, output: string, options: SaveOptions): Promise<string[]> {
  try {
    return await video.save(output, options);
  } catch (error) {
    const { rescuePath } = await import("../media/index.js");
    const rescued = rescuePath(output);
    const paths = await video.save(rescued, options).catch(() => undefined);
    if (paths === undefined) throw error;
    const { code, message } = error as CameoError;
    throw new CameoError(code, `${message}; the frames are in ${rescued}`, { cause: error });
  }
}

function warn(message: string, { json }: OutputOptions): void {
  if (json) printEvent("warning", { message });
  process.stderr.write(`cameo: warning: ${message}\n`);
}

function sampleRequest(flags: SampleFlags): SampleRequest {
  const { prompt, reference, frames, fps, steps, scheduler, seed } = flags;
  const { guidanceRange, cacheInterval, cacheLayers, tokenMerging } = flags;
  const { referenceNoise, referenceNoiseMode, referenceLatents, fit, vaeTiling, saveLatents } = flags;
  const [width, height] = flags.size ?? [];
  return defined({
    ...{ prompt, reference, negativePrompt: flags.negative },
    ...{ frames, width, height, fps, steps, guidanceScale: flags.guidance, scheduler, seed },
    ...{ guidanceRange, cacheInterval, cacheLayers, tokenMerging },
    ...{ referenceNoise, referenceNoiseMode, referenceLatents, fit, vaeTiling, saveLatents },
    preview: flags.preview === undefined ? undefined : true,
  }) as SampleRequest;
}
