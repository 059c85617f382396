import { setImmediate } from "node:timers/promises";
import type { EncodedVideoChunk, VideoEncoderConfig, VideoEncoderEncodeOptions } from "@napi-rs/webcodecs";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import type { Webcodecs } from "./libraries.js";
import { loadWebcodecs } from "./libraries.js";
import type { VideoMetadata } from "./metadata.js";
import { finishMp4 } from "./mp4.js";
import type { RawVideo } from "./video.js";
import { finishWebm } from "./webm.js";
import { evenSize, rgbToI420 } from "./yuv.js";

const bt709 = { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false } as const;
/** H.264's rate, bits for each pixel: far above 40 dB PSNR for moving textures. */
const bitsPerPixel = 1;
/** VP9's constant quality, 0 (best) to 63. */
const vp9Quantizer = 20;

/** All frames as a film: H.264 in MP4 or VP9 in WebM, 8-bit 4:2:0, BT.709. An odd size grows to the next even one. */
export async function encodeFilm(
  video: RawVideo,
  format: "mp4" | "webm",
  metadata: VideoMetadata,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const codecs = await loadWebcodecs();
  try {
    if (format === "mp4") return finishMp4(await encodeH264(codecs, video, signal), metadata);
    return finishWebm(await encodeVp9(codecs, video, signal), metadata);
  } catch (cause) {
    if (signal?.aborted) throw abortError(signal);
    if (cause instanceof CameoError) throw cause;
    const size = `${video.count} frames of ${video.width}x${video.height}`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CameoError(
      "ERR_MEDIA",
      `${size} can't be encoded as ${format}: ${reason}; try .webp or .apng`,
      { cause },
    );
  }
}

async function encodeH264(
  codecs: Webcodecs,
  video: RawVideo,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const track = trackOf(video, "avc1.640034");
  const bitrate = Math.round(bitsPerPixel * track.width * track.height * video.fps);
  const { chunks, description } = await encode(
    codecs,
    video,
    { ...track, bitrate, bitrateMode: "variable" },
    {},
    signal,
  );
  const muxer = new codecs.Mp4Muxer({ fastStart: true });
  muxer.addVideoTrack(track);
  for (const chunk of chunks)
    muxer.addVideoChunk(chunk, { decoderConfig: { codec: track.codec, description } });
  return finalized(muxer);
}

async function encodeVp9(
  codecs: Webcodecs,
  video: RawVideo,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const track = trackOf(video, "vp09.00.51.08");
  const config = { ...track, bitrateMode: "quantizer" } as const;
  const { chunks } = await encode(codecs, video, config, { vp9: { quantizer: vp9Quantizer } }, signal);
  const muxer = new codecs.WebMMuxer();
  muxer.addVideoTrack(track);
  for (const chunk of chunks) muxer.addVideoChunk(withVp9Colour(codecs, chunk));
  return finalized(muxer);
}

function trackOf({ width, height, fps }: RawVideo, codec: string) {
  return { codec, width: evenSize(width), height: evenSize(height), framerate: fps };
}

async function encode(
  codecs: Webcodecs,
  video: RawVideo,
  config: VideoEncoderConfig,
  options: VideoEncoderEncodeOptions,
  signal: AbortSignal | undefined,
): Promise<{ chunks: EncodedVideoChunk[]; description: Uint8Array }> {
  const chunks: EncodedVideoChunk[] = [];
  let description: Uint8Array = new Uint8Array();
  let failure: Error | undefined;
  const encoder = new codecs.VideoEncoder({
    output: (chunk, metadata) => {
      chunks.push(chunk);
      description = metadata?.decoderConfig?.description ?? description;
    },
    error: (error) => {
      failure ??= error;
    },
  });
  try {
    encoder.configure({ ...config, hardwareAcceleration: "prefer-software" });
    const size = 3 * video.width * video.height;
    for (let i = 0; i < video.count && failure === undefined; i++) {
      throwIfAborted(signal);
      const data = rgbToI420(video.frames.subarray(i * size, (i + 1) * size), video.width, video.height);
      const time = (frame: number) => Math.round((frame * 1e6) / video.fps);
      const frame = new codecs.VideoFrame(data, {
        format: "I420",
        codedWidth: config.width,
        codedHeight: config.height,
        timestamp: time(i),
        duration: time(i + 1) - time(i),
        colorSpace: bt709,
      });
      encoder.encode(frame, options);
      frame.close();
      await setImmediate();
    }
    if (failure === undefined) await encoder.flush();
    throwIfAborted(signal);
    if (failure !== undefined) throw failure;
    if (chunks.length !== video.count) throw new Error(`the encoder returned ${chunks.length} frames`);
    return { chunks, description };
  } finally {
    if (encoder.state !== "closed") encoder.close();
  }
}

/** VP9's key frames name their colour space in 3 bits after the sync code, which the encoder leaves unknown: BT.709. */
function withVp9Colour(codecs: Webcodecs, chunk: EncodedVideoChunk): EncodedVideoChunk {
  const { type, timestamp, duration, byteLength } = chunk;
  if (type !== "key") return chunk;
  const data = new Uint8Array(byteLength);
  chunk.copyTo(data);
  data[4] = ((data[4] ?? 0) & 0x1f) | (2 << 5);
  return new codecs.EncodedVideoChunk({ type, timestamp, data, ...(duration === null ? {} : { duration }) });
}

function finalized(muxer: { finalize(): Uint8Array; close(): void }): Uint8Array {
  try {
    return muxer.finalize();
  } finally {
    muxer.close();
  }
}
