import { CameoError } from "../errors.js";
import { shortened } from "../quote.js";
import { fileReason, readRegularFile } from "./files.js";

/** What a written file says about itself, beside the mark that it is AI-generated. */
export interface VideoMetadata {
  /** Name and version of what made it, as in "cameo 0.1.0". */
  software: string;
  /** The request that made it: anything that JSON can say. */
  parameters: Record<string, unknown>;
}

/** The IPTC's term for media that a trained model made. */
export const digitalSourceType = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

const namespaces = {
  xmp: "http://ns.adobe.com/xap/1.0/",
  dc: "http://purl.org/dc/elements/1.1/",
  Iptc4xmpExt: "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
  cameo: "urn:cameo:xmp:1.0/",
};

/** The parameters as JSON, without the characters that XML and some readers of comments can't take. */
export function parametersJson({ parameters }: VideoMetadata): string {
  const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(parameters).replace(/[\u007f-\u009f\ufffe\uffff]/g, escaped);
}

/** The XMP packet that every format carries. */
export function xmpPacket(metadata: VideoMetadata): string {
  const declarations = Object.entries(namespaces).map(([prefix, uri]) => ` xmlns:${prefix}="${uri}"`);
  return [
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">',
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    `<rdf:Description rdf:about=""${declarations.join("")}`,
    ` xmp:CreatorTool="${escapeXml(metadata.software)}"`,
    ` Iptc4xmpExt:DigitalSourceType="${digitalSourceType}"`,
    ` cameo:parameters="${escapeXml(parametersJson(metadata))}">`,
    '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">AI-generated</rdf:li></rdf:Alt></dc:description>',
    "</rdf:Description></rdf:RDF></x:xmpmeta>",
    '<?xpacket end="r"?>',
  ].join("\n");
}

/**
 * What a file that `writeVideo` wrote says about itself; undefined where it doesn't bear the AI-generated mark.
 * Any format: an XMP packet is made to be found by looking for it.
 */
export async function readVideoMetadata(path: string): Promise<VideoMetadata | undefined> {
  const bytes = await readRegularFile(path).catch((cause) => {
    throw new CameoError("ERR_MEDIA", `${shortened(path)} can't be read: ${fileReason(cause)}`, { cause });
  });
  const start = bytes.lastIndexOf("<x:xmpmeta");
  const end = bytes.indexOf("</x:xmpmeta>", Math.max(start, 0));
  if (start < 0 || end < 0) return undefined;
  const packet = bytes.toString("utf8", start, end);
  if (property(packet, "Iptc4xmpExt:DigitalSourceType") !== digitalSourceType) return undefined;
  return {
    software: property(packet, "xmp:CreatorTool") ?? "",
    parameters: parseParameters(property(packet, "cameo:parameters")),
  };
}

/** As an attribute, which is how it is written here, or as an element, which is how other tools may rewrite it. */
function property(packet: string, name: string): string | undefined {
  const match = packet.match(new RegExp(`\\s${name}="([^"]*)"|<${name}>([^<]*)<`));
  const text = match?.[1] ?? match?.[2];
  return text === undefined ? undefined : unescapeXml(text);
}

function parseParameters(json: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json ?? "{}");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => entities[c] ?? c);
}

function unescapeXml(text: string): string {
  const characters: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => characters[name] ?? "");
}
