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
