import { Command } from "commander";
import { CameoError } from "../errors.js";
import type { FilmStream } from "../film_stream.js";
import { checkControls } from "../options/controls.js";
import { defaultFrames, mostFrames } from "../options/defaults.js";
import { defined } from "../options/defined.js";
import { checkLoadOptions } from "../options/load.js";
import type { LoadOptions } from "../options/load_options.js";
import { checkOutputs, checkReferences, checkRequest } from "../options/sample.js";
import type { PromptsOverTime, SampleProgress, SampleRequest } from "../options/sample_options.js";
import { Pipeline } from "../pipeline.js";
import { checkPictureFiles } from "../request_pictures.js";
import { type SaveOptions, saveFilm } from "../video.js";
import { collect, promptAt, withOutputFlags } from "./flags.js";
import { FrameSpool } from "./frame_spool.js";
import { interruptible } from "./interrupt.js";
import { type LoadFlags, loadOptionsOf, withLoadFlags } from "./load_flags.js";
import { type OutputOptions, printEvent } from "./output.js";
import { PreviewFile } from "./preview.js";
import { createReporter, type Reporter } from "./progress.js";
import { optionFlags, optionsOfFlags } from "./sampling_flags.js";

/** The flags of `cameo sample` and of what makes a video as it does: those that have a meaning here, beside `optionFlags`. */
export interface SampleFlags extends LoadFlags, OutputOptions {
  prompt: string;
  promptAt?: PromptsOverTime;
  output: string;
  reference?: string[];
  seed?: number;
  frames?: number;
  preview?: string;
}

const examples = `
Where a model is named by a path, hf:owner/name fetches it from the Hugging Face hub: see \`cameo models --help\`.
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
    .option("-p, --prompt <text>", "what the video shows")
    .requiredOption("-o, --output <file>", "where to: .mp4 .webm .gif .webp .apng .png or frames-%03d.png")
    .option("--prompt-at <frame=text>", "what it shows from that frame on; may be given again", promptAt)
    .option("-r, --reference <image>", "a picture of the subject; may be given again", collect);
  withLoadFlags(command, (_name, { computing }) => !computing);
  return withOutputFlags(withSamplingFlags(command)).addHelpText("after", examples).action(sample);
}

/** The flags that say how a video is made, of whatever model. */
export function withSamplingFlags(command: Command): Command {
  for (const flag of optionFlags()) command.addOption(flag);
  command.option("--preview <file.png>", "write the newest preview here while sampling");
  return withLoadFlags(command, (_name, { computing }) => computing);
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
  checkReferences(request, native.subject !== undefined);
  checkControlsBeforeLoading(request, native);
  const film = await checkPictureFiles(request);
  checkOutputPath(output, frames ?? film?.count ?? defaultFrames(native.motion !== undefined));
  if (preview !== undefined) checkOutputPath(preview, 1);
  checkOutputs(request);
  await loadEncoder(output);
  if (preview !== undefined) await loadEncoder(preview);
}

/** Whether one of the networks is SparseCtrl isn't known yet. */
function checkControlsBeforeLoading(
  request: SampleRequest,
  { controls: networks = [], motion }: { controls?: string[]; motion?: string },
): void {
  const { controls = [], keyframes } = request;
  const known = request.frames ?? defaultFrames(motion !== undefined);
  const frames = controls.length > 0 && request.frames === undefined ? mostFrames : known;
  if (networks.length > 0 && controls.length === 0 && keyframes === undefined) {
    const message = "--control-model needs frames: --control for a ControlNet, --keyframe for SparseCtrl";
    throw new CameoError("ERR_INVALID_OPTION", message);
  }
  const others = Math.max(networks.length - 1, 0);
  const hasSparse = keyframes !== undefined && networks.length > 0;
  const most = hasSparse ? others : networks.length;
  const least = Math.min(Math.max(controls.length, others), most);
  checkControls(request, { controls: least, keyframes: hasSparse }, frames);
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
  await using film = await pipe.stream({ ...request, signal, onProgress });
  const onWarning = (message: string) => warn(message, flags);
  const paths = await saveOrRescue(film, flags.output, { signal, onWarning });
  reporter.stop();
  for (const warning of film.warnings) warn(warning, flags);
  await previews?.settled();
  if (flags.json) printEvent("done", { paths, request: film.request, warnings: film.warnings });
  else process.stdout.write(paths.map((path) => `${path}\n`).join(""));
}

/** What can't be written as asked is kept as an .apng beside it: hours of work may be in it. */
async function saveOrRescue(film: FilmStream, output: string, options: SaveOptions): Promise<string[]> {
  await using spool = await FrameSpool.open(film, output);
  const { count, width, height, fps, request } = film;
  const save = (path: string) =>
    saveFilm(path, { frames: spool.frames(), count, width, height, fps }, request, options);
  try {
    return await save(output);
  } catch (error) {
    const { rescuePath } = await import("../media/index.js");
    const rescued = rescuePath(output);
    const paths = await save(rescued).catch(() => undefined);
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
  const { reference, promptAt } = flags;
  const prompt = promptAt ? { 0: flags.prompt, ...promptAt } : flags.prompt;
  const preview = flags.preview === undefined ? undefined : true;
  return defined({ prompt, reference, preview, ...optionsOfFlags(flags) }) as SampleRequest;
}
