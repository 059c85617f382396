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

/** A frame of one transparent pixel: graphic control extension, image descriptor, colours, pixel (GIF89a). */
const transparentFrame = Buffer.from(
  "21f9040100000000" + "2c0000000001000100" + "80000000ffffff" + "0202440100",
  "hex",
);

/**
 * A GIF in which what no frame covers is transparent, as it is meant to be: decoders give black there, unless a frame has
 * transparent pixels, as has the one that this puts at the end. Anything else than a whole GIF comes back as it is.
 */
export function withTransparency(gif: Uint8Array): Uint8Array {
  const end = trailer(gif);
  return end === undefined ? gif : Buffer.concat([gif.subarray(0, end), transparentFrame, gif.subarray(end)]);
}

/** Where the byte is that ends a GIF, after its extensions and images. */
function trailer(gif: Uint8Array): number | undefined {
  if (Buffer.from(gif.subarray(0, 4)).toString("latin1") !== "GIF8") return undefined;
  const tableBytes = (flags = 0) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  for (let at = 13 + tableBytes(gif[10]); at < gif.length; ) {
    if (gif[at] === 0x3b) return at;
    if (gif[at] === 0x21) at += 2;
    else if (gif[at] === 0x2c) at += 11 + tableBytes(gif[at + 9]);
    else return undefined;
    // Blocks begin with their length, the last one is empty.
    while (gif[at]) at += 1 + (gif[at] as number);
    at++;
  }
  return undefined;
}
