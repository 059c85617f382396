import { configuredUnits, editUnits, packetUnits, payloadOf, unitOf } from "./nal.js";
import { type Chroma, isSps, readSps, type Sps } from "./sps.js";

/** What a stream says of its frames that the decoder doesn't. */
export interface StreamFacts {
  /** Undefined where the stream doesn't say. */
  chroma: Chroma | undefined;
  /** H.264's and HEVC's. */
  sps: Sps | undefined;
  /** Matrix of ITU-T H.273, where the stream says it. */
  matrix: number | undefined;
  /** The decoder's configuration. */
  description: Uint8Array | undefined;
}

/** `codec` is its name, `string` what it is called with its profile (RFC 6381); `first` gives the first packet. */
export async function streamFacts(
  codec: string,
  string: string,
  description: Uint8Array | undefined,
  first: () => Promise<Uint8Array | undefined>,
): Promise<StreamFacts> {
  if (codec !== "avc" && codec !== "hevc") {
    return { chroma: chromaByName(string), sps: undefined, matrix: matrixByName(string), description };
  }
  const sps = await findSps(codec, description, first);
  const facts = { chroma: sps?.chroma, sps, matrix: sps?.matrix, description };
  if (codec !== "avc" || !description || !sps?.fullRange || sps.chroma === "420") return facts;
  return { ...facts, description: editUnits(description, withoutFullRange) };
}

async function findSps(
  codec: "avc" | "hevc",
  description: Uint8Array | undefined,
  first: () => Promise<Uint8Array | undefined>,
): Promise<Sps | undefined> {
  const configured = description ? configuredUnits(description, codec) : [];
  const inRecord = configured.find((unit) => isSps(unit, codec));
  const lengthBytes = description && ((description[codec === "avc" ? 4 : 21] ?? 3) & 3) + 1;
  const packet = inRecord ? undefined : await first();
  const unit = inRecord ?? (packet && packetUnits(packet, lengthBytes).find((each) => isSps(each, codec)));
  try {
    return unit && readSps(unit, codec);
  } catch {
    // The decoder may know what is meant; else it says so.
    return undefined;
  }
}

/**
 * The decoder calls H.264's full-range 4:2:2 and 4:4:4 what they aren't, 4:2:0, and copies their planes as such. So it isn't
 * told that the range is full.
 */
function withoutFullRange(unit: Uint8Array): Uint8Array {
  const bit = isSps(unit, "avc") ? readSps(unit, "avc").fullRangeBit : undefined;
  if (bit === undefined) return unit;
  const payload = payloadOf(unit);
  payload[bit >> 3] = (payload[bit >> 3] ?? 0) & ~(0x80 >> (bit & 7));
  return unitOf(payload);
}

/** VP9's and AV1's chroma; VP9's 4:4:0 has no name of its own, but 4:2:0 can't be in its profiles 1 and 3. */
function chromaByName(codec: string): Chroma | undefined {
  const parts = codec.split(".");
  if (parts[0] === "vp09") {
    if (parts[1] === "00" || parts[1] === "02") return "420";
    return ({ "02": "422", "03": "444" } as const)[parts[4] ?? ""] ?? "440";
  }
  if (parts[0] !== "av01") return "420";
  if (parts[4] === "1") return "400";
  return ({ "10": "422", "00": "444" } as const)[(parts[5] ?? "").slice(0, 2)] ?? "420";
}

/** SMPTE 240M, which the decoder doesn't name. */
function matrixByName(codec: string): number | undefined {
  const parts = codec.split(".");
  return parts[0] === "vp09" && parts[7] === "07" ? 7 : undefined;
}
