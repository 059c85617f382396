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
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackUid: 0x73c5,
  tags: 0x1254c367,
  tag: 0x7373,
  targets: 0x63c0,
  simpleTag: 0x67c8,
  tagName: 0x45a3,
  tagString: 0x4487,
} as const;

/**
 * A muxed film with the metadata as tags, and the same for the same frames: the muxer draws the track's id at
 * random. Its tags give way to these at the end, so that nothing else moves (Matroska, RFC 9559).
 */
export function finishWebm(webm: Uint8Array, metadata: VideoMetadata): Uint8Array {
  const bytes = Buffer.from(webm);
  const segment = find(bytes, 0, bytes.length, ids.segment);
  const children = segment && elements(bytes, segment.data, segment.end);
  const seekHead = children?.find(({ id }) => id === ids.seekHead);
  const oldTags = children?.find(({ id }) => id === ids.tags);
  const tracks = children?.find(({ id }) => id === ids.tracks);
  const track = tracks && find(bytes, tracks.data, tracks.end, ids.trackEntry);
  const uid = track && find(bytes, track.data, track.end, ids.trackUid);
  if (!segment || !seekHead || !oldTags || !uid || segment.end !== bytes.length) {
    throw new CameoError("ERR_MEDIA", "the WebM muxer returned a file of an unknown structure");
  }
  bytes.fill(0, uid.data, uid.end - 1).fill(1, uid.end - 1, uid.end);
  padding(oldTags.end - oldTags.start).copy(bytes, oldTags.start);
  pointToTags(bytes, segment, seekHead);
  const tags = tagsElement(metadata);
  const size = vint(segment.end + tags.length - segment.data);
  size.copy(bytes, segment.data - size.length);
  return Buffer.concat([bytes, tags]);
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
    return element(ids.seek, element(ids.seekId, idBytes(ids.tags)), element(ids.seekPosition, position));
  });
  const index = element(ids.seekHead, ...seeks);
  const room = (spare?.id === ids.void ? spare.end : seekHead.end) - seekHead.start - index.length;
  if (room >= 9) Buffer.concat([index, padding(room)]).copy(bytes, seekHead.start);
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

/** An element of `size` bytes, 9 or more, that readers skip. */
function padding(size: number): Buffer {
  return element(ids.void, Buffer.alloc(size - 9));
}

function element(id: number, ...parts: Uint8Array[]): Buffer {
  const size = vint(parts.reduce((sum, part) => sum + part.length, 0));
  return Buffer.concat([idBytes(id), size, ...parts]);
}

function idBytes(id: number): Buffer {
  const hex = id.toString(16);
  return Buffer.from(hex, "hex");
}

/** A size in 8 bytes: a 1 bit after 7 zeros, then 56 bits. */
function vint(value: number): Buffer {
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
