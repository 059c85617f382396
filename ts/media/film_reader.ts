import { setImmediate, setTimeout } from "node:timers/promises";
import type { EncodedVideoChunk, VideoDecoderConfig, VideoFrame } from "@napi-rs/webcodecs";
import { CameoError, throwIfAborted } from "../errors.js";
import { loadWebcodecs, type Webcodecs } from "./libraries.js";
import { mp4Matrix } from "./mp4.js";
import type { VideoReader } from "./video_reader.js";
import { i420ToRgb, type Matrix } from "./yuv.js";

export type FilmFormat = "MP4" | "WebM";

/** Chunks that wait in the decoder at most: each may become a frame that waits to be converted. */
const maxQueued = 16;

/** An MP4 or WebM, of which only the frames that are asked for, and those that they depend on, are decoded. */
export async function openFilm(
  bytes: Uint8Array,
  format: FilmFormat,
  signal: AbortSignal | undefined,
): Promise<VideoReader> {
  const codecs = await loadWebcodecs();
  const { config, chunks } = await demux(codecs, bytes, format, signal);
  const { supported } = await codecs.VideoDecoder.isConfigSupported(config);
  if (!supported) throw new Error("its codec is not supported; convert it to H.264 or VP9");
  const coded = inDecodingOrder(chunks, config.codec);
  const count = coded.filter(({ place }) => place !== undefined).length;
  if (count === 0) throw new Error("it has no frames");
  const { codedWidth: width = 0, codedHeight: height = 0 } = config;
  const matrix = format === "MP4" ? mp4Matrix(bytes) : undefined;
  return {
    count,
    width,
    height,
    // WebM's timestamps are rounded to 1 ms, MP4's to 1 us.
    fps: rate(coded, format === "WebM" ? 1000 : 2),
    async read(indices) {
      const wanted = new Set(indices);
      const span = decodingSpan(coded, wanted);
      const convert = (frame: VideoFrame) => toRgb(frame, matrix);
      const pictures = await decodeFrames(codecs, config, span, wanted, convert, signal);
      return indices.map((index) => {
        const picture = pictures.get(index);
        if (picture?.width !== width || picture.height !== height) {
          throw new Error("its frames are not all of the same size");
        }
        return picture.rgb;
      });
    },
  };
}

/** Width and height of a film as its header says; nothing else is read. */
export async function filmSize(path: string, format: FilmFormat): Promise<{ width: number; height: number }> {
  const codecs = await loadWebcodecs();
  const demuxer = openDemuxer(codecs, format, () => {});
  try {
    await demuxer.load(path);
    const { codedWidth, codedHeight } = decoderConfig(demuxer.videoDecoderConfig);
    if (!codedWidth || !codedHeight) throw new Error("its header does not say its size");
    return { width: codedWidth, height: codedHeight };
  } finally {
    demuxer.close();
  }
}

function openDemuxer(codecs: Webcodecs, format: FilmFormat, error: (error: Error) => void) {
  return new (format === "MP4" ? codecs.Mp4Demuxer : codecs.WebMDemuxer)({ error });
}

async function demux(
  codecs: Webcodecs,
  bytes: Uint8Array,
  format: FilmFormat,
  signal: AbortSignal | undefined,
): Promise<{ config: VideoDecoderConfig; chunks: EncodedVideoChunk[] }> {
  let failure: Error | undefined;
  const demuxer = openDemuxer(codecs, format, (error) => {
    failure ??= error;
  });
  try {
    await demuxer.loadBuffer(bytes);
    const config = decoderConfig(demuxer.videoDecoderConfig);
    const chunks: EncodedVideoChunk[] = [];
    for await (const { videoChunk } of demuxer) {
      throwIfAborted(signal);
      if (videoChunk) chunks.push(videoChunk);
    }
    if (failure !== undefined) throw failure;
    return { config, chunks };
  } finally {
    demuxer.close();
  }
}

/** The decoder knows few of H.264's levels, and needs none: the stream says it all. */
function decoderConfig(config: VideoDecoderConfig | null): VideoDecoderConfig {
  if (config === null) throw new Error("it has no video track");
  return { ...config, codec: config.codec.replace(/^(avc1\.[0-9a-f]{4})[0-9a-f]{2}$/i, "$134") };
}

/** VP8's frames that only others refer to are chunks of their own; the tag's fifth bit says which (RFC 6386, 9.1). */
function isShown(chunk: EncodedVideoChunk, codec: string): boolean {
  if (!codec.startsWith("vp8")) return true;
  const data = new Uint8Array(chunk.byteLength);
  chunk.copyTo(data);
  return ((data[0] ?? 0) & 0x10) !== 0;
}

/** A chunk, and its frame's place in the order of display; undefined where its frame isn't shown. */
interface Coded {
  chunk: EncodedVideoChunk;
  place: number | undefined;
}

function inDecodingOrder(chunks: EncodedVideoChunk[], codec: string): Coded[] {
  const coded: Coded[] = chunks.map((chunk) => ({ chunk, place: undefined }));
  const shown = coded.filter(({ chunk }) => isShown(chunk, codec));
  shown.sort((a, b) => a.chunk.timestamp - b.chunk.timestamp);
  for (const [place, each] of shown.entries()) each.place = place;
  return coded;
}

/**
 * What has to be decoded for the `wanted` frames: from the last key frame before them that none of the later
 * chunks is shown before, up to the chunk of the last of them.
 */
function decodingSpan(coded: Coded[], wanted: ReadonlySet<number>): Coded[] {
  const end = coded.findLastIndex(({ place }) => place !== undefined && wanted.has(place)) + 1;
  const earliest = Math.min(...wanted);
  let shownNext = Number.POSITIVE_INFINITY;
  for (let start = coded.length - 1; start > 0; start--) {
    const { chunk, place = Number.POSITIVE_INFINITY } = coded[start] as Coded;
    if (chunk.type === "key" && place <= earliest && place < shownNext) return coded.slice(start, end);
    shownNext = Math.min(shownNext, place);
  }
  return coded.slice(0, end);
}

/**
 * The `wanted` frames of a span, by place. The decoder gives frames in the order of display, but not always with
 * their own timestamps: what is counted is how many have come.
 */
async function decodeFrames(
  codecs: Webcodecs,
  config: VideoDecoderConfig,
  span: Coded[],
  wanted: ReadonlySet<number>,
  convert: (frame: VideoFrame) => Promise<Picture>,
  signal: AbortSignal | undefined,
): Promise<Map<number, Picture>> {
  const places = span.flatMap(({ place }) => place ?? []).sort((a, b) => a - b);
  const pictures = new Map<number, Picture>();
  const decoded: [number, VideoFrame][] = [];
  let [count, failure]: [number, Error | undefined] = [0, undefined];
  const output = (frame: VideoFrame) => {
    const place = places[count++];
    if (place !== undefined && wanted.has(place)) decoded.push([place, frame]);
    else frame.close();
  };
  const error = (each: Error) => {
    failure ??= each;
  };
  const convertDecoded = async () => {
    throwIfAborted(signal);
    for (let next = decoded.shift(); next !== undefined; next = decoded.shift())
      pictures.set(next[0], await convert(next[1]));
  };
  const decoder = new codecs.VideoDecoder({ output, error });
  try {
    decoder.configure(config);
    for (const { chunk } of span) {
      decoder.decode(chunk);
      // Frames come as events of their own.
      await setImmediate();
      await convertDecoded();
      while (failure === undefined && decoder.decodeQueueSize > maxQueued) await setTimeout(1);
      if (failure !== undefined) break;
    }
    if (failure === undefined) await decoder.flush();
    await convertDecoded();
    if (failure !== undefined) throw failure;
  } catch (error) {
    // What is thrown after a failure only says that there was one; why comes as an event.
    await setImmediate();
    throw error instanceof CameoError ? error : (failure ?? error);
  } finally {
    for (const [, frame] of decoded) frame.close();
    if (decoder.state !== "closed") decoder.close();
  }
  if (count !== places.length) throw new Error(`${places.length - count} of its frames can't be decoded`);
  return pictures;
}

interface Picture {
  /** RGB, (height, width, 3). */
  rgb: Uint8Array;
  width: number;
  height: number;
}

async function toRgb(frame: VideoFrame, fileMatrix: Matrix | undefined): Promise<Picture> {
  const { format, codedWidth: width, codedHeight: height } = frame;
  try {
    const named = frame.colorSpace.matrix;
    const matrix = fileMatrix ?? (named === "bt709" || (named === null && height >= 720) ? "bt709" : "bt601");
    if (format === "I420" && frame.colorSpace.fullRange !== true) {
      const yuv = new Uint8Array(frame.allocationSize());
      await frame.copyTo(yuv);
      return { rgb: i420ToRgb(yuv, width, height, matrix), width, height };
    }
    const rgba = new Uint8Array(4 * width * height);
    await frame.copyTo(rgba, { format: "RGBA" });
    return { rgb: rgba.filter((_, i) => i % 4 < 3), width, height };
  } finally {
    frame.close();
  }
}

/** Frames per second; a whole number where the timestamps, give or take `tolerance` microseconds, allow one. */
function rate(coded: Coded[], tolerance: number): number {
  const times = coded.flatMap(({ chunk, place }) => (place === undefined ? [] : chunk.timestamp));
  const span =
    times.reduce((most, time) => Math.max(most, time)) - times.reduce((least, time) => Math.min(least, time));
  if (span <= 0) return Math.round(1e6 / (coded[0]?.chunk.duration || 1e6));
  const fps = (1e6 * (times.length - 1)) / span;
  const whole = Math.round(fps);
  return Math.abs((1e6 * (times.length - 1)) / whole - span) <= tolerance ? whole : fps;
}
