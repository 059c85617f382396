import { readFile } from "node:fs/promises";
import type { VideoDecoderConfig, VideoFrame } from "@napi-rs/webcodecs";
import { CameoError, throwIfAborted } from "../errors.js";
import { fileReason } from "./files.js";
import { loadSharp, loadWebcodecs } from "./libraries.js";
import { mp4Matrix } from "./mp4.js";
import { sniff } from "./signature.js";
import type { RawVideo } from "./video.js";
import { i420ToRgb, type Matrix } from "./yuv.js";

interface Frame {
  rgb: Uint8Array;
  width: number;
  height: number;
  /** Microseconds. */
  timestamp: number;
  duration: number | null;
}

/** All frames of an MP4, WebM, GIF or WebP as RGB; ERR_MEDIA where it can't be read. */
export async function readVideo(
  path: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<RawVideo> {
  throwIfAborted(signal);
  try {
    const bytes = await readFile(path);
    const format = sniff(bytes);
    if (format === "GIF" || format === "WebP") return await readAnimation(bytes);
    if (format === "MP4" || format === "WebM") return await readFilm(bytes, format, signal);
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    throw new CameoError("ERR_MEDIA", `${path} can't be read: ${fileReason(cause)}`, { cause });
  }
  throw new CameoError("ERR_MEDIA", `${path} is no film that can be read; give an MP4, WebM, GIF or WebP`);
}

async function readAnimation(bytes: Uint8Array): Promise<RawVideo> {
  const sharp = await loadSharp();
  const animation = sharp(bytes, { animated: true, failOn: "error" });
  const { pages: count = 1, delay = [] } = await animation.metadata();
  const { data, info } = await animation
    .flatten({ background: "#fff" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const total = delay.reduce((sum, each) => sum + each, 0);
  const fps = total > 0 ? (1000 * count) / total : 1;
  return { frames: data, count, width: info.width, height: info.height / count, fps };
}

async function readFilm(
  bytes: Uint8Array,
  format: "MP4" | "WebM",
  signal: AbortSignal | undefined,
): Promise<RawVideo> {
  const codecs = await loadWebcodecs();
  const matrix = format === "MP4" ? mp4Matrix(bytes) : undefined;
  const decoded: VideoFrame[] = [];
  const frames: Frame[] = [];
  let failure: Error | undefined;
  const error = (each: Error) => {
    failure ??= each;
  };
  const convertDecoded = async () => {
    if (failure !== undefined) throw failure;
    for (let next = decoded.shift(); next !== undefined; next = decoded.shift())
      frames.push(await toRgb(next, matrix));
  };
  const decoder = new codecs.VideoDecoder({ output: (frame) => decoded.push(frame), error });
  const demuxer = new (format === "MP4" ? codecs.Mp4Demuxer : codecs.WebMDemuxer)({ error });
  try {
    await demuxer.loadBuffer(bytes);
    decoder.configure(decoderConfig(demuxer.videoDecoderConfig));
    for await (const { videoChunk } of demuxer) {
      throwIfAborted(signal);
      if (videoChunk) decoder.decode(videoChunk);
      await convertDecoded();
    }
    await decoder.flush();
    await convertDecoded();
  } finally {
    for (const frame of decoded) frame.close();
    demuxer.close();
    if (decoder.state !== "closed") decoder.close();
  }
  // WebM's timestamps are rounded to 1 ms, MP4's to 1 us.
  return assemble(frames, format === "WebM" ? 1000 : 2);
}

/** The decoder knows few of H.264's levels, and needs none: the stream says it all. */
function decoderConfig(config: VideoDecoderConfig | null): VideoDecoderConfig {
  if (config === null) throw new Error("it has no video track");
  return { ...config, codec: config.codec.replace(/^(avc1\.[0-9a-f]{4})[0-9a-f]{2}$/i, "$134") };
}

async function toRgb(frame: VideoFrame, fileMatrix: Matrix | undefined): Promise<Frame> {
  const { format, codedWidth: width, codedHeight: height, timestamp, duration } = frame;
  try {
    const named = frame.colorSpace.matrix;
    const matrix = fileMatrix ?? (named === "bt709" || (named === null && height >= 720) ? "bt709" : "bt601");
    if (format === "I420" && frame.colorSpace.fullRange !== true) {
      const yuv = new Uint8Array(frame.allocationSize());
      await frame.copyTo(yuv);
      return { rgb: i420ToRgb(yuv, width, height, matrix), width, height, timestamp, duration };
    }
    const rgba = new Uint8Array(4 * width * height);
    await frame.copyTo(rgba, { format: "RGBA" });
    return { rgb: rgba.filter((_, i) => i % 4 < 3), width, height, timestamp, duration };
  } finally {
    frame.close();
  }
}

function assemble(frames: Frame[], tolerance: number): RawVideo {
  const [first] = frames;
  if (first === undefined) throw new Error("it has no frames");
  const { width, height } = first;
  if (frames.some((frame) => frame.width !== width || frame.height !== height)) {
    throw new Error("its frames are not all of the same size");
  }
  return {
    frames: Buffer.concat(frames.map(({ rgb }) => rgb)),
    count: frames.length,
    width,
    height,
    fps: rate(frames, tolerance),
  };
}

/** Frames per second; a whole number where the timestamps, give or take `tolerance` microseconds, allow one. */
function rate(frames: Frame[], tolerance: number): number {
  const span = (frames.at(-1)?.timestamp ?? 0) - (frames[0]?.timestamp ?? 0);
  if (span <= 0) return Math.round(1e6 / (frames[0]?.duration || 1e6));
  const fps = (1e6 * (frames.length - 1)) / span;
  const whole = Math.round(fps);
  return Math.abs((1e6 * (frames.length - 1)) / whole - span) <= tolerance ? whole : fps;
}
