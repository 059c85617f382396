import { CameoError } from "../errors.js";
import type { VideoMetadata } from "./metadata.js";
import { parametersJson, xmpPacket } from "./metadata.js";

/** An EBML element (RFC 8794) by its place in a file. */
interface Element {
  id: number;
  start: number;
  data: number;
  end: number;
}

const ids = {
  void: 0xec,
  segment: 0x18538067,
  seekHead: 0x114d9b74,
  seek: 0x4dbb,
  seekId: 0x53ab,
  seekPosition: 0x53ac,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackUid: 0x73c5,
  defaultDuration: 0x23e383,
  video: 0xe0,
  colour: 0x55b0,
  matrixCoefficients: 0x55b1,
  range: 0x55b9,
  transferCharacteristics: 0x55ba,
  primaries: 0x55bb,
  tags: 0x1254c367,
  tag: 0x7373,
  targets: 0x63c0,
  simpleTag: 0x67c8,
  tagName: 0x45a3,
  tagString: 0x4487,
} as const;

/** BT.709 with limited range (RFC 9559, 5.1.4.1.28.16). */
const bt709 = element(
  ids.colour,
  ...[ids.matrixCoefficients, ids.range, ids.transferCharacteristics, ids.primaries].map((id) =>
    element(id, Buffer.from([1])),
  ),
);

/**
 * A muxed film with what the muxer can't write: the rate, the colour space and the metadata as tags. Each frame
 * lasts `ticks` of the muxer's clock. It is the same for the same frames: the muxer draws the track's id at random.
 * The muxer's own tags, which follow the track, make room; the new ones are at the end, so that nothing else moves
 * (Matroska, RFC 9559).
 */
export function finishWebm(
  webm: Uint8Array,
  metadata: VideoMetadata,
  fps: number,
  ticks: number,
): Uint8Array {
  const bytes = Buffer.from(webm);
  const segment = find(bytes, 0, bytes.length, ids.segment);
  const children = segment ? elements(bytes, segment.data, segment.end) : [];
  const [seekHead, info, tracks, oldTags] = [ids.seekHead, ids.info, ids.tracks, ids.tags].map((wanted) =>
    children.find(({ id }) => id === wanted),
  );
  const clock = info && find(bytes, info.data, info.end, ids.timestampScale);
  if (
    !segment ||
    !seekHead ||
    !clock ||
    !tracks ||
    tracks.end !== oldTags?.start ||
    segment.end !== bytes.length
  ) {
    throw new CameoError("ERR_MEDIA", "the WebM muxer returned a file of an unknown structure");
  }
  const nanoseconds = 1e9 / fps;
  bytes.writeUIntBE(Math.round(nanoseconds / ticks), clock.data, clock.end - clock.data);
  replace(bytes, tracks.start, oldTags.end, tracksElement(bytes, tracks, Math.round(nanoseconds)));
  pointToTags(bytes, segment, seekHead);
  const tags = tagsElement(metadata);
  const size = longSize(segment.end + tags.length - segment.data);
  size.copy(bytes, segment.data - size.length);
  return Buffer.concat([bytes, tags]);
}

/** The one track with an id that isn't random, its frames' duration in nanoseconds and its colour space. */
function tracksElement(bytes: Buffer, tracks: Element, duration: number): Buffer {
  const track = find(bytes, tracks.data, tracks.end, ids.trackEntry) ?? tracks;
  const parts = elements(bytes, track.data, track.end).map(({ id, start, data, end }) => {
    if (id === ids.trackUid) return element(id, Buffer.from([1]));
    if (id === ids.video) return element(id, bytes.subarray(data, end), bt709);
    return bytes.subarray(start, end);
  });
  const lasting = Buffer.alloc(4);
  lasting.writeUInt32BE(duration);
  return element(ids.tracks, element(ids.trackEntry, ...parts, element(ids.defaultDuration, lasting)));
}

/** Makes the index at the segment's start say that the tags are at its end, in the room that the muxer left. */
function pointToTags(bytes: Buffer, segment: Element, seekHead: Element): void {
  const spare = elements(bytes, seekHead.end, segment.end)[0];
  const seeks = elements(bytes, seekHead.data, seekHead.end).map(({ start, data, end }) => {
    const id = find(bytes, data, end, ids.seekId);
    const isTags = id !== undefined && bytes.readUIntBE(id.data, id.end - id.data) === ids.tags;
    if (!isTags) return bytes.subarray(start, end);
    const position = Buffer.alloc(8);
    position.writeBigUInt64BE(BigInt(segment.end - segment.data));
    return element(
      ids.seek,
      element(ids.seekId, Buffer.from(ids.tags.toString(16), "hex")),
      element(ids.seekPosition, position),
    );
  });
  const end = spare?.id === ids.void ? spare.end : seekHead.end;
  replace(bytes, seekHead.start, end, element(ids.seekHead, ...seeks));
}

/** Puts an element where others were, and padding up to where they ended. */
function replace(bytes: Buffer, start: number, end: number, by: Buffer): void {
  const room = end - start - by.length;
  if (room < 9) throw new CameoError("ERR_MEDIA", "the WebM muxer left no room for the film's properties");
  Buffer.concat([by, element(ids.void, Buffer.alloc(room - 9))]).copy(bytes, start);
}

function tagsElement(metadata: VideoMetadata): Buffer {
  const simple = (name: string, text: string) =>
    element(
      ids.simpleTag,
      element(ids.tagName, Buffer.from(name)),
      element(ids.tagString, Buffer.from(text, "utf8")),
    );
  return element(
    ids.tags,
    element(
      ids.tag,
      element(ids.targets),
      simple("ENCODER", metadata.software),
      simple("COMMENT", parametersJson(metadata)),
      simple("XMP", xmpPacket(metadata)),
    ),
  );
}

function element(id: number, ...parts: Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  // One byte where that does, but not for padding, which has to be able to take any length from 9 on.
  const size = length < 127 && id !== ids.void ? Buffer.from([0x80 | length]) : longSize(length);
  return Buffer.concat([Buffer.from(id.toString(16), "hex"), size, ...parts]);
}

/** A size in 8 bytes: a 1 bit after 7 zeros, then 56 bits. */
function longSize(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value) | (1n << 56n));
  return bytes;
}

function find(bytes: Buffer, start: number, end: number, id: number): Element | undefined {
  return elements(bytes, start, end).find((each) => each.id === id);
}

function elements(bytes: Buffer, start: number, end: number): Element[] {
  const found: Element[] = [];
  for (let at = start; at < end; ) {
    const idLength = vintLength(bytes, at);
    const sizeLength = vintLength(bytes, at + idLength);
    const id = bytes.readUIntBE(at, idLength);
    const data = at + idLength + sizeLength;
    let size = BigInt((bytes[at + idLength] ?? 0) & (0xff >> sizeLength));
    for (let i = at + idLength + 1; i < data; i++) size = (size << 8n) | BigInt(bytes[i] ?? 0);
    at = data + Number(size);
    found.push({ id, start: data - idLength - sizeLength, data, end: at });
  }
  return found;
}

/** Length of a variable-size integer: its first byte's leading zeros and one. */
function vintLength(bytes: Buffer, at: number): number {
  return Math.clz32(bytes[at] ?? 0) - 23;
}
