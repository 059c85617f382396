import { fileReason } from "../media/files.js";
import type { RgbImage } from "../native.js";
import type { ClipTokenizer } from "../tokens/tokenizer.js";
import type { CompleteDataRecipe } from "../training/complete_types.js";
import { type Clip, openClip, type Size } from "./clip.js";
import { type Draws, drawSample, type SubjectDraw } from "./draws.js";
import { type ClipFiles, fileStamps, findFiles } from "./files.js";
import { type CachedLatents, keptPath, readLatents } from "./latents.js";
import { fitFrame, makeReference, placed } from "./pixels.js";
import { Random } from "./random.js";
import { type Box, regionOf } from "./regions.js";
import type { Entry } from "./sources/index.js";

/** One training sample: plain data, made in a worker. */
export interface Sample {
  /** Its place in the run's endless sequence. */
  position: number;
  /** The clip's path, for messages. */
  clip: string;
  caption: string;
  /** CLIP's token ids, padded to the text encoder's positions; none for another text encoder. */
  ids: Int32Array;
  width: number;
  height: number;
  /** RGB, (F, H, W, 3); undefined where `latents` is there. */
  frames: Uint8Array | undefined;
  /** Where there are several subjects: the box in which each is, in turn as their references stand. */
  regions: Box[] | undefined;
  /** RGB, (R, H, W, 3), of the video's size; undefined where there are none, or where `latents` is there. */
  references: Uint8Array | undefined;
  /** How much moves in the clip, where its list says so. */
  motionBucket: number | undefined;
  /** Of the frames, then of the references; out of the cache. */
  latents: CachedLatents | undefined;
  /** Where the latents are to be written once they are encoded; undefined where there is no cache, or they are there. */
  cachePath: string | undefined;
}

/** What makes all samples of a run what they are. */
export interface SampleSettings {
  data: CompleteDataRecipe;
  /** Positions of the text encoder; 0: captions are not tokenised here. */
  textPositions: number;
  /** How many pixels a latent stands for, along each side. */
  latentStride: number;
  /** How many frames it stands for, but the first of a clip. */
  latentTimeStride: number;
  latentChannels: number;
  seed: number;
  /** Identifies the VAE. */
  cacheKey: string;
}

export interface SampleRequest extends Size {
  position: number;
  entry: Entry;
}

/** That frames which were drawn can't be decoded; others of the clip may be. */
export class UnreadableFrames extends Error {}

/** The sample of a clip at a position; an Error says why it can't be made. */
export async function makeSample(
  { position, entry, width, height }: SampleRequest,
  settings: SampleSettings,
  tokenizer: ClipTokenizer,
): Promise<Sample> {
  const files = await findFiles(entry, settings.data);
  const { random, cachePath } = await drawSource(position, entry, files, { width, height }, settings);
  const { caption, motionBucket } = entry;
  const ids =
    settings.textPositions > 0 ? tokenizer.encode(caption, settings.textPositions).ids : new Int32Array(0);
  const size = { width, height };
  const common = { position, clip: files.clip, caption, ids, motionBucket, ...size };
  const latents = cachePath && (await readLatents(cachePath, latentShape(size, settings)));
  const several = settings.data.references?.subjects !== undefined;
  if (latents && !several) return { ...common, ...kept, latents };
  const drawn = await drawFrom(files, settings.data, random);
  const regions = several ? await readable(regionsOf(drawn, size, settings.data)) : undefined;
  if (latents) return { ...common, ...kept, latents, regions };
  const pixels = await readable(makePixels(drawn, size, settings.data));
  return { ...common, ...pixels, regions, latents: undefined, cachePath };
}

/** Of a sample whose latents are there. */
const kept = { frames: undefined, references: undefined, regions: undefined, cachePath: undefined };

/** Where the sample's random numbers come from: with a cache, the clip and one of its variants alone. */
async function drawSource(
  position: number,
  { name }: Entry,
  files: ClipFiles,
  size: Size,
  { data, seed, cacheKey }: SampleSettings,
): Promise<{ random: Random; cachePath: string | undefined }> {
  if (data.cache === undefined) return { random: new Random(seed, "sample", position), cachePath: undefined };
  const variant = new Random(seed, "variant", position).below(data.cache.variants);
  const { frames, stride, start, fit, cropPosition, references } = data;
  const drawn = { name, seed, variant, frames, stride, start, fit, cropPosition, references };
  const key = { ...drawn, size, cacheKey, files: await fileStamps(files) };
  return {
    random: new Random(seed, "cached", name, variant),
    cachePath: keptPath(data.cache.folder, key),
  };
}

function latentShape(
  { width, height }: Size,
  { data, latentChannels, latentStride, latentTimeStride }: SampleSettings,
): CachedLatents["shape"] {
  const frames = Math.floor((data.frames - 1) / latentTimeStride) + 1;
  return [frames + referencesOf(data), latentChannels, height / latentStride, width / latentStride];
}

/** How many a sample has, those of all subjects together. */
export function referencesOf({ references }: CompleteDataRecipe): number {
  return (references?.count ?? 0) * (references?.subjects?.count ?? 1);
}

/** A clip and its masks, and what a sample takes of them. */
interface Drawn {
  clip: Clip;
  masks: Clip[];
  draws: Draws;
}

async function drawFrom(files: ClipFiles, data: CompleteDataRecipe, random: Random): Promise<Drawn> {
  const clip = await openClip(files.clip);
  if (clip.count < data.frames) {
    throw new Error(
      `it has ${frameCount(clip.count)}, and ${data.frames} are needed; leave it out or lower data.frames`,
    );
  }
  const masks = await inTurn(files.masks, (mask) => openMask(mask, clip));
  return { clip, masks, draws: drawSample(data, clip.count, random) };
}

/** Decodes; what can't be is an UnreadableFrames. */
async function readable<T>(decoding: Promise<T>): Promise<T> {
  try {
    return await decoding;
  } catch (cause) {
    throw new UnreadableFrames(fileReason(cause), { cause });
  }
}

async function makePixels(
  { clip, masks, draws }: Drawn,
  size: Size,
  data: CompleteDataRecipe,
): Promise<Pick<Sample, "frames" | "references">> {
  const frames = joined(await fitFrames(clip, draws, size, data), size);
  if (!data.references) return { frames, references: undefined };
  const references = await inTurn(draws.subjects, (subject, i) =>
    fitReferences(clip, masks[i], subject, size, data),
  );
  return { frames, references: joined(references.flat(), size) };
}

/** Around each subject in all of the sample's frames, grown as drawn. */
async function regionsOf(
  { clip, masks, draws }: Drawn,
  size: Size,
  { fit }: CompleteDataRecipe,
): Promise<Box[]> {
  const place = placed(clip, size, fit, draws.crop);
  return inTurn(draws.subjects, async ({ grow }, i) => {
    const box = regionOf(await masksOf(masks[i] as Clip, draws.frames), place, size, grow);
    if (box) return box;
    throw new Error(`subject ${i + 1} isn't seen in the frames that were drawn`);
  });
}

/** Of these frames; a single picture is the mask of all. */
function masksOf(mask: Clip, frames: readonly number[]): Promise<RgbImage[]> {
  return mask.read(mask.count === 1 ? frames.map(() => 0) : frames);
}

async function fitFrames(clip: Clip, { frames, crop }: Draws, size: Size, { fit }: CompleteDataRecipe) {
  const images = await clip.read(frames);
  return inTurn(images, (image) => fitFrame(image, size, fit, crop));
}

async function fitReferences(
  clip: Clip,
  mask: Clip | undefined,
  { references }: SubjectDraw,
  size: Size,
  { fit }: CompleteDataRecipe,
) {
  const indices = references.map(({ frame }) => frame);
  const images = await clip.read(indices);
  const masks = mask && (await masksOf(mask, indices));
  return inTurn(references, (draw, i) => makeReference(images[i] as RgbImage, masks?.[i], draw, size, fit));
}

async function openMask(path: string, clip: Clip): Promise<Clip> {
  const mask = await openClip(path);
  if (mask.width !== clip.width || mask.height !== clip.height) {
    const sizes = `is ${mask.width}x${mask.height}, and the clip ${clip.width}x${clip.height}`;
    throw new Error(`its mask ${path} ${sizes}; make it of the clip's size`);
  }
  if (mask.count !== clip.count && mask.count !== 1) {
    const counts = `has ${frameCount(mask.count)}, and the clip ${clip.count}`;
    throw new Error(`its mask ${path} ${counts}; give one for each frame, or a single picture`);
  }
  return mask;
}

function frameCount(count: number): string {
  return count === 1 ? "1 frame" : `${count} frames`;
}

async function inTurn<T, R>(items: readonly T[], make: (item: T, i: number) => Promise<R>): Promise<R[]> {
  const made: R[] = [];
  for (const [i, item] of items.entries()) made.push(await make(item, i));
  return made;
}

function joined(images: Uint8Array[], { width, height }: Size): Uint8Array {
  const size = 3 * width * height;
  const all = new Uint8Array(size * images.length);
  for (const [i, image] of images.entries()) all.set(image, i * size);
  return all;
}
