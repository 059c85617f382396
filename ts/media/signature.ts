/** What a file is by its first bytes, in hexadecimal. The order counts. */
const signatures: [RegExp, string][] = [
  [/^89504e470d0a1a0a/, "PNG"],
  [/^ffd8ff/, "JPEG"],
  [/^474946383[79]61/, "GIF"],
  [/^52494646.{8}57454250/, "WebP"],
  [/^(49492[ab]00|4d4d002[ab])/, "TIFF"],
  [/^.{8}66747970(61766966|61766973|6d696631|6d736631|6d696166)/, "AVIF"],
  [/^.{8}667479706865(69|76)/, "HEIC"],
  [/^.{8}66747970/, "MP4"],
  [/^1a45dfa3/, "WebM"],
  [/^1f8b/, "compressed data"],
  [/^25504446/, "PDF"],
  [/^424d/, "BMP"],
];

/** The name of the format; undefined where it is none that is known here. */
export function sniff(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 16)).toString("hex");
  const format = signatures.find(([pattern]) => pattern.test(head))?.[1];
  if (format !== undefined) return format;
  return /<svg|<!DOCTYPE svg/i.test(Buffer.from(bytes.subarray(0, 4096)).toString("latin1"))
    ? "SVG"
    : undefined;
}
