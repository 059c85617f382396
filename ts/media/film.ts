import { setImmediate } from "node:timers/promises";
import type {
  EncodedVideoChunkType,
  VideoEncoderConfig,
  VideoEncoderEncodeOptions,
} from "@napi-rs/webcodecs";
import { throwIfAborted } from "../errors.js";
import type { Webcodecs } from "./libraries.js";
import { loadWebcodecs } from "./libraries.js";
import type { VideoMetadata } from "./metadata.js";
import { finishMp4 } from "./mp4.js";
import { type FilmFrames, framesOf, type RawVideo } from "./raw_video.js";
import { finishWebm } from "./webm.js";
import { evenSize, rgbToI420 } from "./yuv.js";

const bt709 = { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false } as const;
/** H.264's rate, bits for each pixel: far above 40 dB PSNR for moving textures. */
const bitsPerPixel = 1;
/** Below it the encoder fails. */
const minBitrate = 100_000;
/** VP9's constant quality, 0 (best) to 63. */
const vp9Quantizer = 20;

interface Sample {
  type: EncodedVideoChunkType;
  data: Uint8Array;
}

/** All frames as a film: H.264 in MP4 or VP9 in WebM, 8-bit 4:2:0, BT.709. An odd size grows to the next even one. */
export async function encodeFilm(
  video: RawVideo | FilmFrames,
  format: "mp4" | "webm",
  metadata: VideoMetadata,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const codecs = await loadWebcodecs();
  const rate = wholeRate(video.fps);
  if (format === "mp4") return finishMp4(await encodeH264(codecs, video, signal), metadata, rate / video.fps);
  // The muxer gives each frame a whole number of milliseconds.
  const ticks = Math.round(1000 / rate);
  return finishWebm(await encodeVp9(codecs, video, signal), metadata, video.fps, ticks);
}

async function encodeH264(
  codecs: Webcodecs,
  video: RawVideo | FilmFrames,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const codec = "avc1.640034";
  const bitrate = Math.max(minBitrate, Math.round(bitsPerPixel * video.width * video.height * video.fps));
  const config = { codec, bitrate, bitrateMode: "variable" } as const;
  const { samples, description } = await encode(codecs, video, config, {}, signal);
  const muxer = new codecs.Mp4Muxer({ fastStart: true });
  return mux(codecs, muxer, video, samples, { codec, description });
}

async function encodeVp9(
  codecs: Webcodecs,
  video: RawVideo | FilmFrames,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const codec = "vp09.00.51.08";
  const options = { vp9: { quantizer: vp9Quantizer } };
  const { samples } = await encode(codecs, video, { codec, bitrateMode: "quantizer" }, options, signal);
  for (const { data } of samples.filter(({ type }) => type === "key")) nameVp9Colour(data);
  return mux(codecs, new codecs.WebMMuxer(), video, samples, { codec });
}

async function encode(
  codecs: Webcodecs,
  video: RawVideo | FilmFrames,
  config: Pick<VideoEncoderConfig, "codec" | "bitrate" | "bitrateMode">,
  options: VideoEncoderEncodeOptions,
  signal: AbortSignal | undefined,
): Promise<{ samples: Sample[]; description: Uint8Array }> {
  const framerate = wholeRate(video.fps);
  const size = { width: evenSize(video.width), height: evenSize(video.height) };
  const complete = { ...config, ...size, framerate, hardwareAcceleration: "prefer-software" } as const;
  const { supported } = await codecs.VideoEncoder.isConfigSupported(complete);
  if (!supported) throw new Error("the encoder does not take this size");
  const samples: Sample[] = [];
  let description: Uint8Array = new Uint8Array();
  let failure: Error | undefined;
  const encoder = new codecs.VideoEncoder({
    output: (chunk, metadata) => {
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      samples.push({ type: chunk.type, data });
      description = metadata?.decoderConfig?.description ?? description;
    },
    error: (error) => {
      failure ??= error;
    },
  });
  try {
    encoder.configure(complete);
    let i = 0;
    for await (const rgb of framesOf(video)) {
      throwIfAborted(signal);
      if (failure !== undefined) break;
      const frame = videoFrame(codecs, video, rgb, microseconds(i++, framerate));
      encoder.encode(frame, options);
      frame.close();
      await setImmediate();
    }
    if (failure === undefined) await encoder.flush();
    throwIfAborted(signal);
    if (failure !== undefined) throw failure;
    if (samples.length !== video.count) throw new Error(`the encoder returned ${samples.length} frames`);
    return { samples, description };
  } finally {
    if (encoder.state !== "closed") encoder.close();
  }
}

function videoFrame(
  codecs: Webcodecs,
  { width, height }: Omit<RawVideo, "frames">,
  rgb: Uint8Array,
  timestamp: number,
) {
  return new codecs.VideoFrame(rgbToI420(rgb, width, height), {
    format: "I420",
    codedWidth: evenSize(width),
    codedHeight: evenSize(height),
    timestamp,
    colorSpace: bt709,
  });
}

/** The muxer's clock, as the encoder's, knows whole rates only: the files' clocks are set afterwards. */
function mux(
  codecs: Webcodecs,
  muxer: InstanceType<Webcodecs["Mp4Muxer"] | Webcodecs["WebMMuxer"]>,
  { width, height, fps }: Omit<RawVideo, "frames">,
  samples: Sample[],
  decoderConfig: { codec: string; description?: Uint8Array },
): Uint8Array {
  try {
    const framerate = wholeRate(fps);
    const { codec } = decoderConfig;
    muxer.addVideoTrack({ codec, width: evenSize(width), height: evenSize(height), framerate });
    for (const [i, sample] of samples.entries()) {
      const timestamp = microseconds(i, framerate);
      const duration = microseconds(i + 1, framerate) - timestamp;
      muxer.addVideoChunk(new codecs.EncodedVideoChunk({ ...sample, timestamp, duration }), {
        decoderConfig,
      });
    }
    return muxer.finalize();
  } finally {
    muxer.close();
  }
}

const wholeRate = (fps: number): number => Math.max(1, Math.round(fps));

function microseconds(frame: number, fps: number): number {
  return Math.round((frame * 1e6) / fps);
}

/** VP9's key frames name their colour space in 3 bits after the sync code, which the encoder leaves unknown: BT.709. */
function nameVp9Colour(frame: Uint8Array): void {
  frame[4] = ((frame[4] ?? 0) & 0x1f) | (2 << 5);
}
