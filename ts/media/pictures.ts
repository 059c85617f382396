import type { StillFormat } from "./formats.js";
import { tagGif } from "./gif.js";
import { loadSharp } from "./libraries.js";
import type { VideoMetadata } from "./metadata.js";
import { xmpPacket } from "./metadata.js";
import { assembleApng, tagPng } from "./png.js";
import { type FilmFrames, framesOf, gathered, type RawVideo } from "./raw_video.js";

type Size = Pick<RawVideo, "width" | "height">;

/** One frame, RGB, as a picture: PNG without loss, JPEG without chroma subsampling. */
export async function encodeStill(
  frame: Uint8Array,
  size: Size,
  format: StillFormat,
  metadata: VideoMetadata,
): Promise<Uint8Array> {
  if (format === "png") return tagPng(await encodePng(frame, size), metadata);
  const picture = (await rawPicture(frame, size)).withXmp(xmpPacket(metadata));
  const encoded =
    format === "jpeg"
      ? picture.jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
      : picture.webp({ quality: 95, smartSubsample: true });
  return encoded.toBuffer();
}

/**
 * The most frames a second that browsers play: a frame of a shorter delay (in a GIF below 2/100 s, elsewhere 10 ms) they
 * show for a tenth of a second.
 */
export const fastest = { gif: 50, webp: 90, apng: 90 };

/** All frames as an animation without end, at `fastest` at most. Its clock ticks in 1/1000 s, in a GIF in 1/100 s. */
export async function encodeAnimation(
  video: RawVideo | FilmFrames,
  format: "gif" | "webp" | "apng",
  metadata: VideoMetadata,
): Promise<Uint8Array> {
  const { count, width, height } = video;
  const fps = Math.min(video.fps, fastest[format]);
  if (format === "apng") return assembleApng(encodePngs(video), count, fps, metadata);
  const sharp = await loadSharp();
  const { frames } = await gathered(video);
  const raw = { width, height: height * count, channels: 3 as const, pageHeight: height };
  const animation = sharp(frames, { raw, limitInputPixels: false });
  if (format === "webp") {
    const tagged = animation.withXmp(xmpPacket(metadata));
    return tagged
      .webp({ quality: 90, smartSubsample: true, loop: 0, delay: delays(count, fps, 1) })
      .toBuffer();
  }
  const gif = await animation
    .gif({ loop: 0, delay: delays(count, fps, 10), keepDuplicateFrames: true })
    .toBuffer();
  return tagGif(gif, metadata);
}

/** Milliseconds for each frame, multiples of `tick` that never stray from the true times by more than half of it. */
function delays(count: number, fps: number, tick: number): number[] {
  const time = (frame: number) => tick * Math.round((1000 * frame) / fps / tick);
  return Array.from({ length: count }, (_, frame) => time(frame + 1) - time(frame));
}

async function* encodePngs(video: RawVideo | FilmFrames): AsyncGenerator<Uint8Array> {
  for await (const frame of framesOf(video)) yield encodePng(frame, video);
}

async function encodePng(frame: Uint8Array, size: Size): Promise<Uint8Array> {
  return (await rawPicture(frame, size)).png().toBuffer();
}

async function rawPicture(frame: Uint8Array, { width, height }: Size) {
  const sharp = await loadSharp();
  return sharp(frame, { raw: { width, height, channels: 3 } });
}
