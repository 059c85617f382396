import type { RgbImage } from "../native.js";
import type { VideoMetadata } from "./metadata.js";
import { xmpPacket } from "./metadata.js";

/**
 * A GIF with its XMP packet in an application extension before the trailer. The packet isn't cut into blocks;
 * the bytes 0xff, 0xfe ... 0 after it lead readers that take its characters for block sizes to its end
 * (XMP Specification, part 3).
 */
export function tagGif(gif: Uint8Array, metadata: VideoMetadata): Uint8Array {
  const landing = Uint8Array.from({ length: 256 }, (_, i) => 255 - i);
  return Buffer.concat([
    gif.subarray(0, -1),
    Buffer.from([0x21, 0xff, 0x0b]),
    Buffer.from("XMP DataXMP"),
    Buffer.from(xmpPacket(metadata), "utf8"),
    Buffer.from([0x01]),
    landing,
    Buffer.from([0x00]),
    gif.subarray(-1),
  ]);
}

/**
 * Makes white what a GIF's first frame leaves of the canvas, which is transparent. Decoders give black there, unless a
 * frame of the file has transparent pixels.
 */
export function whitenBorder({ data, width, height }: RgbImage, gif: Uint8Array): void {
  const frame = firstFrame(gif);
  if (frame === undefined) return;
  const left = Math.min(frame.left, width);
  const right = Math.min(frame.left + frame.width, width);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(3 * width * y, 3 * width * (y + 1));
    const inside = y >= frame.top && y < frame.top + frame.height;
    row.fill(255, 0, 3 * (inside ? left : width));
    row.fill(255, 3 * right);
  }
}

/** The first image descriptor (GIF89a, 20), which extensions may come before. */
function firstFrame(gif: Uint8Array) {
  const bytes = new DataView(gif.buffer, gif.byteOffset, gif.byteLength);
  const flags = gif[10] ?? 0;
  let at = 13 + (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  // An extension has a label, then blocks that begin with their length, the last one empty.
  while (gif[at] === 0x21) {
    for (at += 2; gif[at]; at += 1 + (gif[at] as number)) {}
    at++;
  }
  if (gif[at] !== 0x2c || at + 9 > gif.length) return undefined;
  const [left = 0, top = 0, width = 0, height = 0] = [1, 3, 5, 7].map((i) => bytes.getUint16(at + i, true));
  return { left, top, width, height };
}
