import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { CameoError } from "../errors.js";
import type { FilmStream } from "../film_stream.js";
import { isHubName } from "../hub/index.js";
import { checkControls } from "../options/controls.js";
import { defaultFrames, mostFrames } from "../options/defaults.js";
import { defined } from "../options/defined.js";
import { checkLoadOptions } from "../options/load.js";
import type { LoadOptions } from "../options/load_options.js";
import { checkOutputs, checkReferences, checkRequest } from "../options/sample.js";
import type { PromptsOverTime, SampleProgress, SampleRequest } from "../options/sample_options.js";
import { Pipeline } from "../pipeline.js";
import { checkPictureFiles } from "../request_pictures.js";
import { type SamplesProgress, withVideo } from "../series.js";
import { type SaveOptions, saveFilm } from "../video.js";
import { dryRun } from "./dry_run.js";
import { collect, promptAt, withOutputFlags } from "./flags.js";
import { FrameSpool } from "./frame_spool.js";
import { interruptible } from "./interrupt.js";
import { type LoadFlags, loadOptionsOf, withLoadFlags } from "./load_flags.js";
import { type OutputOptions, printEvent } from "./output.js";
import { PreviewFile } from "./preview.js";
import { createReporter, type Reporter } from "./progress.js";
import { optionFlags, optionsOfFlags } from "./sampling_flags.js";
import { numberedPath, type SeveralFlags, seedsOf, withSeveralFlags } from "./several.js";

/** The flags of `cameo sample` and of what makes a video as it does: those that have a meaning here, beside `optionFlags`. */
export interface SampleFlags extends LoadFlags, OutputOptions, SeveralFlags {
  prompt: string;
  promptAt?: PromptsOverTime;
  output: string;
  reference?: string[];
  frames?: number;
  preview?: string;
  dryRun?: boolean;
}

const examples = `
Where a model is named by a path, hf:owner/name fetches it from the Hugging Face hub: see \`cameo models --help\`.
Without --base it is the model that ships, which knows drawn characters only: \`cameo demo\` makes a video with it, of a
picture that comes with it.

Examples:
  $ cameo sample --base sd15/ --motion motion-adapter/ --subject videomaker.bin \\
      --reference me.png --prompt "A person playing an acoustic guitar." -o out.mp4
  $ cameo sample --base sd15/ --motion motion-adapter/ --prompt "Waves on a beach." -o waves.webm
  $ cameo sample --base sd15/ --prompt "A lighthouse." --seed 7 -o still.png
  $ cameo sample --base sd15/ --prompt "A lighthouse." --count 4 -o still.png
  $ cameo sample --base Wan2.1-T2V-1.3B/ --prompt "A fox." -o run.mp4 --dry-run --device cuda --max-memory 8GB`;

/** `cameo sample`: a video from a prompt and a picture. */
export function sampleCommand(): Command {
  const command = new Command("sample")
    .description("make a video from a prompt and pictures of its subject")
    .option("-p, --prompt <text>", "what the video shows")
    .requiredOption("-o, --output <file>", "where to: .mp4 .webm .gif .webp .apng .png or frames-%03d.png")
    .option("--prompt-at <frame=text>", "what it shows from that frame on; may be given again", promptAt)
    .option("-r, --reference <image>", "a picture of the subject; may be given again", collect);
  withLoadFlags(command, (_name, { computing }) => !computing);
  withSeveralFlags(withSamplingFlags(command)).option(
    "--dry-run",
    "read no weights and make nothing: check all, and say what memory it would need",
  );
  return withOutputFlags(command).addHelpText("after", examples).action(sample);
}

/** The flags that say how a video is made, of whatever model. */
export function withSamplingFlags(command: Command): Command {
  for (const flag of optionFlags()) command.addOption(flag);
  command.option("--preview <file.png>", "write the newest preview here while sampling");
  return withLoadFlags(command, (_name, { computing }) => computing);
}

/** Makes the videos that the flags ask for, and says on stdout where they are. */
export async function sample(flags: SampleFlags): Promise<void> {
  const load = loadOptionsOf(flags);
  const request = sampleRequest(flags);
  const films = filmsOf(flags, request);
  await checkBeforeLoading(flags, load, request, films);
  if (flags.dryRun) return dryRun(flags, load, request);
  const reporter = createReporter(flags);
  try {
    await interruptible((signal) => makeVideos(flags, load, films, reporter, signal));
  } finally {
    reporter.stop();
  }
}

/** A video that is asked for, and where it is written to. */
interface AskedFilm {
  request: SampleRequest;
  output: string;
}

function filmsOf(flags: SampleFlags, request: SampleRequest): AskedFilm[] {
  const seeds = seedsOf(flags);
  if (seeds === undefined) return [{ request, output: flags.output }];
  if (request.saveLatents !== undefined)
    throw new CameoError("ERR_INVALID_OPTION", "saveLatents: it is one video's file; leave it out");
  return seeds.map((seed, i) => ({
    request: { ...request, seed },
    output: numberedPath(flags.output, i + 1),
  }));
}

/** All that can be known to be wrong before gigabytes are read and hours are spent. */
async function checkBeforeLoading(
  { preview, frames }: SampleFlags,
  load: LoadOptions,
  request: SampleRequest,
  films: readonly AskedFilm[],
): Promise<void> {
  const { checkOutputPath, loadEncoder } = await import("../media/index.js");
  const { native } = checkLoadOptions(load);
  for (const { request } of films) checkRequest(request);
  if (!(await takesReferencesAlone(native.base)))
    checkReferences(request, { subject: native.subject !== undefined });
  checkControlsBeforeLoading(request, native);
  const film = await checkPictureFiles(request);
  const count = frames ?? film?.count ?? defaultFrames(native.motion !== undefined);
  for (const { output } of films) checkOutputPath(output, count);
  if (preview !== undefined) checkOutputPath(preview, 1);
  checkOutputs(request);
  for (const { output } of films.slice(0, 1)) await loadEncoder(output);
  if (preview !== undefined) await loadEncoder(preview);
}

/** Whether a base takes references without a subject model, as VACE does; of one that is yet to be fetched it isn't known. */
async function takesReferencesAlone(base: string): Promise<boolean> {
  if (isHubName(base)) return true;
  const configs = ["transformer/config.json", "config.json"].map((name) => join(base, name));
  const texts = await Promise.all(configs.map((path) => readFile(path, "utf8").catch(() => "")));
  return texts.some((text) => text.includes('"vace_layers"'));
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

async function makeVideos(
  flags: SampleFlags,
  load: LoadOptions,
  films: readonly AskedFilm[],
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const previews = flags.preview === undefined ? undefined : new PreviewFile(flags.preview);
  const onProgress = (progress: SampleProgress | SamplesProgress) => {
    reporter.update(progress);
    if (progress.preview) previews?.show(progress.preview);
  };
  await using pipe = await Pipeline.load({
    ...load,
    signal,
    onProgress: (progress) => reporter.update(progress),
  });
  for (const warning of pipe.describe().warnings) warn(warning, flags);
  for (const [video, { request, output }] of films.entries()) {
    const several = films.length > 1 ? { video, videos: films.length } : {};
    const listener = films.length > 1 ? withVideo(onProgress, video, films.length) : onProgress;
    await using film = await pipe.stream({ ...request, signal, onProgress: listener });
    const onWarning = (message: string) => warn(message, flags);
    const paths = await saveOrRescue(film, output, { signal, onWarning });
    reporter.stop();
    for (const warning of film.warnings) warn(warning, flags);
    await previews?.settled();
    const { request: made, warnings } = film;
    if (flags.json) printEvent("done", { paths, request: made, warnings, ...several });
    else process.stdout.write(paths.map((path) => `${path}\n`).join(""));
  }
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
