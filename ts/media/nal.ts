/**
 * NAL units of H.264 and HEVC: those of a decoder's configuration (avcC, hvcC: ISO/IEC 14496-15), or of a packet.
 */

const startCode = Buffer.from([0, 0, 1]);

/** The parameter sets in an avcC or hvcC record. */
export function configuredUnits(record: Uint8Array, codec: "avc" | "hevc"): Uint8Array[] {
  return ranges(Buffer.from(record), codec).map(([start, end]) => record.subarray(start, end));
}

/** The record with each of its units replaced by what `edit` gives, of any length. */
export function editUnits(record: Uint8Array, edit: (unit: Uint8Array) => Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [start, end] of ranges(Buffer.from(record), "avc")) {
    const unit = edit(record.subarray(start, end));
    parts.push(record.subarray(at, start - 2), Uint8Array.of(unit.length >> 8, unit.length & 255), unit);
    at = end;
  }
  return Buffer.concat([...parts, record.subarray(at)]);
}

function ranges(record: Buffer, codec: "avc" | "hevc"): [start: number, end: number][] {
  const found: [number, number][] = [];
  let at = codec === "avc" ? 5 : 22;
  /** A count of one byte or two, of which `mask` counts. */
  const units = (count: number) => {
    for (let i = 0; i < count && at + 2 <= record.length; i++) {
      const end = at + 2 + record.readUInt16BE(at);
      if (end > record.length) return;
      found.push([at + 2, end]);
      at = end;
    }
  };
  const next = () => record[at++] ?? 0;
  if (codec === "avc") {
    units(next() & 31);
    units(next());
  } else {
    for (let arrays = next(); arrays > 0 && at + 3 <= record.length; arrays--) {
      at += 3;
      units(record.readUInt16BE(at - 2));
    }
  }
  return found;
}

/** The units of a packet: each after its length of `lengthBytes`, or after a start code where that is undefined. */
export function packetUnits(packet: Uint8Array, lengthBytes: number | undefined): Uint8Array[] {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  const units: Uint8Array[] = [];
  if (lengthBytes === undefined) {
    for (let at = bytes.indexOf(startCode); at >= 0; ) {
      const next = bytes.indexOf(startCode, at + 3);
      units.push(packet.subarray(at + 3, next < 0 ? undefined : next));
      at = next;
    }
    return units;
  }
  for (let at = 0; at + lengthBytes < bytes.length; ) {
    const start = at + lengthBytes;
    at = start + bytes.readUIntBE(at, lengthBytes);
    units.push(packet.subarray(start, at));
  }
  return units;
}

/** A unit's payload: without the bytes that keep start codes out of it (ITU-T H.264, 7.4.1). */
export function payloadOf(unit: Uint8Array): Uint8Array {
  let zeros = 0;
  return unit.filter((byte) => {
    const isEscape = zeros >= 2 && byte === 3;
    zeros = byte === 0 ? zeros + 1 : 0;
    return !isEscape;
  });
}

export function unitOf(payload: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  let zeros = 0;
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      bytes.push(3);
      zeros = 0;
    }
    bytes.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(bytes);
}
