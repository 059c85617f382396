import { CameoError } from "../errors.js";
import type { VideoMetadata } from "./metadata.js";
import { parametersJson, xmpPacket } from "./metadata.js";

export interface Box {
  type: string;
  payload: Buffer;
}

/** Bytes before the children, in boxes that hold both (ISO/IEC 14496-12). */
const prefixes: Record<string, number> = { stsd: 8, avc1: 78 };
/** XMP Specification, part 3. */
const xmpUuid = Buffer.from("be7acfcb97a942e89c71999491e3afac", "hex");
const videoSample = ["trak", "mdia", "minf", "stbl", "stsd", "avc1"];
/** BT.709 primaries, transfer and matrix, limited range (ISO/IEC 23091-2). */
const bt709 = box("colr", Buffer.from("nclx"), Buffer.from([0, 1, 0, 1, 0, 1, 0]));

/** Where the movie's durations are, and the ticks a second of its samples' clock. */
const clocks = [
  { path: ["mvhd"], at: 16, power: 1 },
  { path: ["trak", "tkhd"], at: 20, power: 1 },
  { path: ["trak", "edts", "elst"], at: 8, power: 1 },
  { path: ["trak", "mdia", "mdhd"], at: 12, power: -1 },
];

/**
 * A muxed film with what the muxer can't write: the colour space, the metadata as comment and as XMP, and with all
 * durations times `stretch`.
 */
export function finishMp4(mp4: Uint8Array, metadata: VideoMetadata, stretch: number): Uint8Array {
  const boxes = readBoxes(view(mp4));
  const at = boxes.findIndex(({ type }) => type === "moov");
  const movie = boxes[at];
  if (!movie) throw new CameoError("ERR_MEDIA", "the MP4 muxer returned a file without a moov box");
  const kept = join(readBoxes(movie.payload).filter(({ type }) => type !== "udta"));
  const coloured = editBox(kept, videoSample, (sample) => Buffer.concat([sample, bt709]));
  const timed = clocks.reduce(
    (all, { path, at, power }) => editBox(all, path, scale(at, stretch ** power)),
    coloured,
  );
  const tagged = Buffer.concat([timed, userData(metadata)]);
  // The samples come after and move by as much as this grows.
  const growth = tagged.length - movie.payload.length;
  const dataFollows = boxes.slice(at).some(({ type }) => type === "mdat");
  movie.payload = dataFollows ? editBox(tagged, [...videoSample.slice(0, 4), "stco"], shift(growth)) : tagged;
  boxes.push({ type: "uuid", payload: Buffer.concat([xmpUuid, Buffer.from(xmpPacket(metadata), "utf8")]) });
  return join(boxes);
}

/** Applies `edit` to the payload of the boxes at `path`; the boxes around them take the new size. */
function editBox(payload: Buffer, path: string[], edit: (payload: Buffer) => Buffer): Buffer {
  const [next, ...rest] = path;
  if (next === undefined) return edit(payload);
  const boxes = readBoxes(payload).map(({ type, payload: inner }) => {
    if (type !== next) return { type, payload: inner };
    const prefix = rest.length > 0 ? (prefixes[type] ?? 0) : 0;
    return {
      type,
      payload: Buffer.concat([inner.subarray(0, prefix), editBox(inner.subarray(prefix), rest, edit)]),
    };
  });
  return join(boxes);
}

/** Adds to each chunk offset: version, count, then 32 bits each. */
function shift(growth: number): (table: Buffer) => Buffer {
  return (table) => {
    const shifted = Buffer.from(table);
    for (let at = 8; at < shifted.length; at += 4)
      shifted.writeUInt32BE(shifted.readUInt32BE(at) + growth, at);
    return shifted;
  };
}

/** Multiplies the 32-bit number at `at`. */
function scale(at: number, factor: number): (payload: Buffer) => Buffer {
  return (payload) => {
    const scaled = Buffer.from(payload);
    scaled.writeUInt32BE(Math.round(scaled.readUInt32BE(at) * factor), at);
    return scaled;
  };
}

/** iTunes-style items, which players show as encoder and comment. */
function userData(metadata: VideoMetadata): Buffer {
  const utf8 = Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]);
  const item = (name: string, text: string) => box(name, box("data", utf8, Buffer.from(text, "utf8")));
  const handler = box("hdlr", Buffer.alloc(8), Buffer.from("mdirappl"), Buffer.alloc(9));
  const items = box("ilst", item("©too", metadata.software), item("©cmt", parametersJson(metadata)));
  return box("udta", box("meta", Buffer.alloc(4), handler, items));
}

/** The boxes that follow one another in `bytes`; what is no box ends them. */
export function readBoxes(bytes: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const short = bytes.readUInt32BE(at);
    const header = short === 1 ? 16 : 8;
    if (at + header > bytes.length) break;
    const size = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short || bytes.length - at;
    if (size < header) break;
    boxes.push({
      type: bytes.toString("latin1", at + 4, at + 8),
      payload: bytes.subarray(at + header, at + size),
    });
    at += size;
  }
  return boxes;
}

function join(boxes: Box[]): Buffer {
  return Buffer.concat(boxes.map(({ type, payload }) => box(type, payload)));
}

function box(type: string, ...parts: Uint8Array[]): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + parts.reduce((sum, part) => sum + part.length, 0), 0);
  header.write(type, 4, "latin1");
  return Buffer.concat([header, ...parts]);
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
