import { setImmediate, setTimeout } from "node:timers/promises";
import type { VideoDecoder, VideoFrame } from "@napi-rs/webcodecs";
import { CameoError, throwIfAborted } from "../errors.js";
import type { RgbImage } from "../native.js";
import { damaged, FilmError, undamaged } from "./film_error.js";
import { checkPixels, frameToRgb } from "./film_frame.js";
import {
  type Coded,
  type FilmFormat,
  type FilmTrack,
  listPackets,
  openTrack,
  packetsFrom,
  shownPlaces,
  unsupported,
} from "./film_track.js";
import { loadWebcodecs, type Webcodecs } from "./libraries.js";
import type { FitFrame, VideoReader } from "./raw_video.js";
import { asShown, shownSize } from "./upright.js";

/** Chunks that wait in the decoder at most: each may become a frame that waits to be converted. */
const maxQueued = 16;
/** Of a frame as it is shown. */
const maxSide = 2 ** 15;

/** Opens an MP4, MOV, WebM or MKV; only the frames that are asked for, and those that they depend on, are read and decoded. */
export async function openFilm(
  path: string,
  format: FilmFormat,
  signal: AbortSignal | undefined,
): Promise<VideoReader> {
  const codecs = await loadWebcodecs();
  const track = await openTrack(path, format, signal);
  checkPixels(track);
  await checkSupport(codecs, track);
  const size = checkedSize(track);
  const coded = await undamaged(() => listPackets(track, signal));
  const shown = shownPlaces(coded, track);
  if (shown.length === 0) throw new FilmError("it has no frames");
  return {
    count: shown.length,
    ...size,
    fps: rate(coded, format === "WebM" ? 1e-3 : 2e-6, track.clock),
    async read(indices, fit) {
      const wanted = new Set(indices.map((index) => shown[index] as number));
      const pictures = new Map<number, RgbImage>();
      for (const span of decodingSpans(coded, wanted)) {
        await decodeSpan({ codecs, track, coded, signal, fit }, span, wanted, pictures);
      }
      return indices.map((index) => (pictures.get(shown[index] as number) as RgbImage).data);
    },
  };
}

/** Width and height of a film as it is shown, by its headers; an Error where it can't be read anyway. */
export async function filmSize(path: string, format: FilmFormat): Promise<{ width: number; height: number }> {
  const codecs = await loadWebcodecs();
  const track = await openTrack(path, format, undefined);
  checkPixels(track);
  await checkSupport(codecs, track);
  return checkedSize(track);
}

function checkedSize(track: FilmTrack): { width: number; height: number } {
  if (!(track.width > 0 && track.height > 0)) throw new FilmError("its header does not say its size");
  const size = shownSize(track, track);
  if (Math.max(size.width, size.height) <= maxSide) return size;
  throw new FilmError(`it is ${size.width}x${size.height}, and a side can have ${maxSide} pixels`);
}

async function checkSupport(codecs: Webcodecs, track: FilmTrack): Promise<void> {
  const { supported } = await codecs.VideoDecoder.isConfigSupported(decoderConfig(track));
  if (!supported) throw unsupported(track.codec);
}

/** The decoder knows few of H.264's levels, and needs none: the stream says it all. */
function decoderConfig({ codec, description, width, height }: FilmTrack) {
  const name = codec.replace(/^(avc[13]\.[0-9a-f]{4})[0-9a-f]{2}$/i, "$134");
  return { codec: name, codedWidth: width, codedHeight: height, ...(description && { description }) };
}

interface Film {
  codecs: Webcodecs;
  track: FilmTrack;
  coded: readonly Coded[];
  signal: AbortSignal | undefined;
  fit: FitFrame | undefined;
}

/** Packets from `start`, a key frame's, up to `end`, without those of frames that are shown before the first. */
interface Span {
  start: number;
  end: number;
}

/** What has to be decoded for the `wanted` places: spans that follow one another, without what lies between them. */
function decodingSpans(coded: readonly Coded[], wanted: ReadonlySet<number>): Span[] {
  const spans: Span[] = [];
  const keys = coded.flatMap(({ isKey, place }, index) =>
    isKey && place !== undefined ? { index, place } : [],
  );
  for (const [i, { place }] of coded.entries()) {
    if (place === undefined || !wanted.has(place)) continue;
    const key = keys.findLast((each) => each.index <= i && each.place <= place);
    spans.push({ start: key?.index ?? 0, end: i + 1 });
  }
  spans.sort((a, b) => a.start - b.start);
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last && span.start < last.end) last.end = Math.max(last.end, span.end);
    else joined.push(span);
  }
  return joined;
}

const isIn = (coded: readonly Coded[], { start }: Span, index: number): boolean =>
  (coded[index] as Coded).time >= (coded[start] as Coded).time;

/** Frames that the decoder gave, and how it failed. */
class Decoding {
  readonly decoded: [place: number, frame: VideoFrame][] = [];
  failure: Error | undefined;
  readonly decoder: VideoDecoder;
  /** Of the span's frames, in the order of display. */
  readonly #places: readonly number[];
  #count = 0;

  /**
   * The decoder gives frames in the order of display, but not always with their own timestamps: what is counted is how
   * many have come.
   */
  constructor({ VideoDecoder }: Webcodecs, places: readonly number[], wanted: ReadonlySet<number>) {
    this.#places = places;
    this.decoder = new VideoDecoder({
      output: (frame) => {
        const place = places[this.#count++];
        if (place !== undefined && wanted.has(place)) this.decoded.push([place, frame]);
        else frame.close();
      },
      error: (error) => {
        this.failure ??= error;
      },
    });
  }

  get missing(): number {
    return this.#places.length - this.#count;
  }

  close(): void {
    for (const [, frame] of this.decoded) frame.close();
    if (this.decoder.state !== "closed") this.decoder.close();
  }
}

/** Adds the span's `wanted` frames to `pictures`, by place. */
async function decodeSpan(
  film: Film,
  span: Span,
  wanted: ReadonlySet<number>,
  pictures: Map<number, RgbImage>,
): Promise<void> {
  const { codecs, track, coded, signal, fit } = film;
  const places = coded
    .slice(span.start, span.end)
    .flatMap(({ place }, i) => (place !== undefined && isIn(coded, span, span.start + i) ? place : []))
    .sort((a, b) => a - b);
  const decoding = new Decoding(codecs, places, wanted);
  const { decoder, decoded } = decoding;
  const convertDecoded = async () => {
    throwIfAborted(signal);
    for (let next = decoded.shift(); next !== undefined; next = decoded.shift()) {
      const picture = await toPicture(next[1], track);
      pictures.set(next[0], fit ? await fit(picture) : picture);
    }
  };
  try {
    decoder.configure(decoderConfig(track));
    await feed(film, span, decoding, convertDecoded);
    if (decoding.failure === undefined) await decoder.flush();
    await convertDecoded();
    if (decoding.failure !== undefined) throw decoding.failure;
  } catch (error) {
    // What is thrown after a failure only says that there was one; why comes as an event.
    await setImmediate();
    const isClear = error instanceof CameoError || error instanceof FilmError;
    throw isClear ? error : (decoding.failure ?? error);
  } finally {
    decoding.close();
  }
  if (decoding.missing === 0) return;
  if (span.start === 0) throw new FilmError(`${decoding.missing} of its frames can't be decoded`);
  // A key frame may be one by name alone.
  await decodeSpan(film, { start: 0, end: span.end }, wanted, pictures);
}

/** Gives the decoder the span's packets, and time to work them off. */
async function feed(
  { codecs, track, coded }: Film,
  span: Span,
  decoding: Decoding,
  convertDecoded: () => Promise<void>,
): Promise<void> {
  const { decoder } = decoding;
  let at = span.start;
  for await (const { data, timestamp } of packetsFrom(track, coded, at)) {
    if (isIn(coded, span, at)) {
      const type = coded[at]?.isKey ? "key" : "delta";
      decoder.decode(new codecs.EncodedVideoChunk({ type, timestamp: Math.round(1e6 * timestamp), data }));
      // Frames come as events of their own.
      await setImmediate();
      await convertDecoded();
      while (decoding.failure === undefined && decoder.decodeQueueSize > maxQueued) await setTimeout(1);
    }
    if (decoding.failure !== undefined || ++at === span.end) return;
  }
  throw damaged();
}

async function toPicture(frame: VideoFrame, track: FilmTrack): Promise<RgbImage> {
  try {
    const { codedWidth: width, codedHeight: height } = frame;
    if (width !== track.width || height !== track.height) {
      throw new FilmError("its frames are not all of the same size");
    }
    return await asShown(await frameToRgb(frame, track), track);
  } finally {
    frame.close();
  }
}

/** Frames per second; a whole number where the times, give or take `tolerance` seconds, allow one. */
function rate(coded: readonly Coded[], tolerance: number, clock: number): number {
  const times = coded.flatMap(({ time, place }) => (place === undefined ? [] : time));
  const span =
    times.reduce((most, time) => Math.max(most, time)) - times.reduce((least, time) => Math.min(least, time));
  if (span <= 0) return Math.round(clock / (coded[0]?.duration || clock));
  const fps = (clock * (times.length - 1)) / span;
  const whole = Math.round(fps);
  return Math.abs((times.length - 1) / whole - span / clock) <= tolerance ? whole : fps;
}
