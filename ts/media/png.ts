import { crc32 } from "node:zlib";
import type { VideoMetadata } from "./metadata.js";
import { parametersJson, xmpPacket } from "./metadata.js";

interface Chunk {
  type: string;
  data: Uint8Array;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A PNG file with the metadata as text chunks. */
export function tagPng(png: Uint8Array, metadata: VideoMetadata): Uint8Array {
  const [header, ...rest] = readChunks(png);
  return writeChunks([header as Chunk, ...textChunks(metadata), ...rest]);
}

/**
 * An animated PNG (PNG, third edition, 11.3.4) of PNG files of the same size and pixel type, played without end.
 * It takes one frame at a time.
 */
export async function assembleApng(
  pngs: AsyncIterable<Uint8Array>,
  count: number,
  fps: number,
  metadata: VideoMetadata,
): Promise<Uint8Array> {
  const chunks: Chunk[] = [];
  let sequence = 0;
  for await (const png of pngs) {
    const [header, ...rest] = readChunks(png);
    const first = sequence === 0;
    if (first) chunks.push(header as Chunk, { type: "acTL", data: words(count, 0) }, ...textChunks(metadata));
    const size = (header as Chunk).data.subarray(0, 8);
    chunks.push({ type: "fcTL", data: Buffer.concat([words(sequence++), size, words(0, 0), timing(fps)]) });
    for (const { data } of rest.filter(({ type }) => type === "IDAT")) {
      if (first) chunks.push({ type: "IDAT", data });
      else chunks.push({ type: "fdAT", data: Buffer.concat([words(sequence++), data]) });
    }
  }
  return writeChunks([...chunks, { type: "IEND", data: new Uint8Array() }]);
}

/** Delay as a fraction of a second in 16 bits each; no disposal; the frame replaces what was there. */
function timing(fps: number): Buffer {
  const numerator = [1, 1000, 100, 10].find((n) => Number.isInteger(n * fps) && n * fps < 2 ** 16) ?? 50;
  const data = Buffer.alloc(6);
  data.writeUInt16BE(numerator, 0);
  data.writeUInt16BE(Math.round(numerator * fps), 2);
  return data;
}

function textChunks(metadata: VideoMetadata): Chunk[] {
  return [
    { type: "tEXt", data: Buffer.from(`Software\0${metadata.software}`, "latin1") },
    internationalText("parameters", parametersJson(metadata)),
    internationalText("XML:com.adobe.xmp", xmpPacket(metadata)),
  ];
}

/** Not compressed, in no particular language. */
function internationalText(keyword: string, text: string): Chunk {
  return { type: "iTXt", data: Buffer.from(`${keyword}\0\0\0\0\0${text}`, "utf8") };
}

function readChunks(png: Uint8Array): Chunk[] {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  for (let at = signature.length; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    chunks.push({ type, data: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

function writeChunks(chunks: Chunk[]): Uint8Array {
  const parts: Uint8Array[] = [signature];
  for (const { type, data } of chunks) {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    parts.push(words(data.length), body, words(crc32(body)));
  }
  return Buffer.concat(parts);
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}
