import { setImmediate } from "node:timers/promises";
import type { EncodedPacket, EncodedPacketSink, InputVideoTrack } from "mediabunny";
import { throwIfAborted } from "../errors.js";
import { FilmError, undamaged } from "./film_error.js";
import { FilmFile } from "./film_file.js";
import { loadMediabunny } from "./libraries.js";
import { type Edit, type Mp4Track, maxFrames, readMovie, readMp4Track } from "./mp4_track.js";
import { type StreamFacts, streamFacts } from "./stream_facts.js";

export type FilmFormat = "MP4" | "WebM";

/** Packets that are listed before anything else gets its turn. */
const listedAtOnce = 1000;
/** The tangent of an angle that is meant as none. */
const maxSlant = 0.02;

/** A film's video track, of which only headers were read. */
export interface FilmTrack {
  file: FilmFile;
  /** As the decoder takes it. */
  codec: string;
  /** The decoder's configuration, where its codec has one. */
  description: Uint8Array | undefined;
  /** Of a frame as it is coded. */
  width: number;
  height: number;
  facts: StreamFacts;
  /** What the container says of colours; the stream's own word counts first. */
  container: {
    matrix: number | string | undefined;
    fullRange: boolean | undefined;
    transfer: string | undefined;
  };
  /** Width of a pixel in its heights. */
  pixelAspect: number;
  /** How far frames are turned clockwise, and whether they are mirrored, left to right, after that. */
  rotation: number;
  flip: boolean;
  edits: Edit[] | undefined;
  /** Seconds from the track's own time to that of its packets. */
  shift: number;
  /** Ticks a second of the track's clock. */
  clock: number;
  packets: EncodedPacketSink;
}

/** Opens the film's main video track; what is damaged is an Error that says so. */
export async function openTrack(
  path: string,
  format: FilmFormat,
  signal: AbortSignal | undefined,
): Promise<FilmTrack> {
  const file = await FilmFile.open(path, signal);
  return undamaged(async () => {
    // First of all: it refuses tables that would keep who reads them busy.
    const movie = format === "MP4" ? await readMovie(file) : undefined;
    const { track, packets } = await openContainer(file, format);
    const codec = await track.getCodec();
    const config = codec && (await track.getDecoderConfig());
    if (!codec || !config) throw unsupported(String(await track.getInternalCodecId()));
    const mp4 = movie && readMp4Track(movie, track.id);
    const description = config.description as Uint8Array | undefined;
    const first = () => packets.getFirstPacket();
    const facts = await streamFacts(codec, config.codec, description, async () => (await first())?.data);
    const { matrix, fullRange, transfer } = await track.getColorSpace();
    return {
      file,
      codec: config.codec,
      description: facts.description,
      width: facts.sps?.width ?? (await track.getCodedWidth()),
      height: facts.sps?.height ?? (await track.getCodedHeight()),
      facts,
      container: {
        matrix: mp4 ? mp4.matrix : (matrix ?? undefined),
        fullRange: (mp4 ? mp4.fullRange : fullRange) ?? undefined,
        transfer: transfer ?? undefined,
      },
      pixelAspect: mp4 ? (mp4.pixelAspect ?? facts.sps?.pixelAspect ?? 1) : await containerAspect(track),
      ...(await turnOf(track)),
      edits: mp4?.edits,
      shift: mp4 ? shiftOf(mp4) : 0,
      clock: await track.getTimeResolution(),
      packets,
    };
  });
}

async function openContainer(file: FilmFile, format: FilmFormat) {
  const { CustomSource, EncodedPacketSink, Input, ...formats } = await loadMediabunny();
  const { MATROSKA, MP4, QTFF, WEBM } = formats;
  const source = new CustomSource({
    getSize: () => file.size,
    // A copy: what was read last is kept there, and nothing here.
    read: async (start, end) => new Uint8Array(await file.read(start, end)),
    maxCacheSize: 0,
  });
  const input = new Input({ source, formats: format === "MP4" ? [MP4, QTFF] : [MATROSKA, WEBM] });
  const track = await input.getPrimaryVideoTrack();
  if (track === null) throw new FilmError("it has no video track");
  return { track, packets: new EncodedPacketSink(track) };
}

async function turnOf(track: InputVideoTrack): Promise<Pick<FilmTrack, "rotation" | "flip">> {
  const [across = 1, down = 0] = await track.getTransformationMatrix();
  const slant = Math.min(Math.abs(across), Math.abs(down)) / Math.max(Math.abs(across), Math.abs(down));
  if (slant > maxSlant) throw new FilmError("it is turned, but not by 90, 180 or 270 degrees");
  return { rotation: await track.getRotation(), flip: await track.getFlip() };
}

/** In Matroska what isn't said is square. */
async function containerAspect(track: InputVideoTrack): Promise<number> {
  const { num, den } = await track.getPixelAspectRatio();
  return num / den;
}

/** Packets' times are those of the film, by the first edit. */
function shiftOf({ edits, delay }: Mp4Track): number {
  return (edits?.[0]?.start ?? 0) - delay;
}

export function unsupported(codec: string): FilmError {
  const name = codec.replace(/[^ -~]/g, "?").slice(0, 40);
  return new FilmError(`its codec (${name}) is not supported; convert it to H.264 or VP9`);
}

/** A packet, and its frame's place in the order of display; undefined where its frame isn't shown. */
export interface Coded {
  /** In ticks of the track's clock. */
  time: number;
  duration: number;
  /** In seconds, as its packet has it. */
  timestamp: number;
  isKey: boolean;
  place: number | undefined;
}

/** All packets in the order of decoding. */
export async function listPackets(
  { packets, codec, clock, shift }: FilmTrack,
  signal: AbortSignal | undefined,
): Promise<Coded[]> {
  const isVp8 = codec.startsWith("vp8");
  const options = { metadataOnly: !isVp8 };
  const coded: Coded[] = [];
  const shown: Coded[] = [];
  for (
    let packet = await packets.getFirstPacket(options);
    packet;
    packet = await packets.getNextPacket(packet, options)
  ) {
    if (coded.length === maxFrames) throw new FilmError(`it has more than ${maxFrames} frames`);
    // Packets of an index come without waiting for anything: an abort has to get its turn.
    if (coded.length % listedAtOnce === 0) await setImmediate();
    throwIfAborted(signal);
    const { timestamp, duration, type, data } = packet;
    const time = Math.round((timestamp + shift) * clock);
    coded.push({ time, duration: duration * clock, timestamp, isKey: type === "key", place: undefined });
    // VP8's frames that only others refer to are packets of their own; the tag's fifth bit says which (RFC 6386, 9.1).
    const isHidden = isVp8 && ((data[0] ?? 0) & 0x10) === 0;
    // What is shown before the first frame that is decoded refers to what was cut off.
    if (!isHidden && time >= (coded[0] as Coded).time) shown.push(coded.at(-1) as Coded);
  }
  shown.sort((a, b) => a.time - b.time);
  for (const [place, each] of shown.entries()) each.place = place;
  return coded;
}

/** The places of the frames that edits show, in that order. */
export function shownPlaces(coded: readonly Coded[], { edits, clock }: FilmTrack): number[] {
  const times: number[] = [];
  for (const { time, place } of coded) if (place !== undefined) times[place] = time;
  const places = Array.from(times.keys());
  if (edits === undefined) return places;
  const shown = edits.flatMap(({ start, duration }) => {
    const from = Math.round(start * clock);
    const to = from + Math.round(duration * clock);
    return places.filter((place) => (times[place] as number) >= from && (times[place] as number) < to);
  });
  if (shown.length > maxFrames) throw new FilmError(`it has more than ${maxFrames} frames`);
  return shown;
}

/** The packets from that of `start` on, with their data. */
export async function* packetsFrom(
  { file, packets }: FilmTrack,
  coded: readonly Coded[],
  start: number,
): AsyncGenerator<EncodedPacket> {
  file.begin();
  const timestamp = coded[start]?.timestamp as number;
  const first = () => undamaged(() => packets.getFirstPacket());
  const after = (packet: EncodedPacket) => undamaged(() => packets.getNextPacket(packet));
  let packet = start === 0 ? await first() : await undamaged(() => packets.getKeyPacket(timestamp));
  if (start > 0 && packet?.timestamp !== timestamp) {
    packet = await first();
    for (let i = 0; i < start && packet; i++) packet = await after(packet);
  }
  for (; packet; packet = await after(packet)) yield packet;
}
