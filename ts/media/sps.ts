import { Bits } from "./bits.js";
import { payloadOf } from "./nal.js";

/** How the planes of colour are subsampled; 4:0:0 has none. */
export type Chroma = "400" | "420" | "422" | "440" | "444";

/** What a sequence parameter set says of a film's pictures. */
export interface Sps {
  /** Of the pictures, after cropping. */
  width: number;
  height: number;
  chroma: Chroma;
  /** Width of a pixel in its heights; undefined where it isn't said. */
  pixelAspect: number | undefined;
  fullRange: boolean | undefined;
  /** Where the payload says whether the range is full: the bit's number. */
  fullRangeBit: number | undefined;
  /** ITU-T H.273; undefined where it isn't said. */
  matrix: number | undefined;
}

type Signal = Pick<Sps, "pixelAspect" | "fullRange" | "fullRangeBit" | "matrix">;

const chromas: Chroma[] = ["400", "420", "422", "444"];
/** ITU-T H.264, table E-1. */
const aspects = [
  ...[0, 1, 12 / 11, 10 / 11, 16 / 11, 40 / 33, 24 / 11, 20 / 11, 32 / 11],
  ...[80 / 33, 18 / 11, 15 / 11, 64 / 33, 160 / 99, 4 / 3, 3 / 2, 2],
];
/** Profiles of H.264 that say which chroma they have. */
const highProfiles = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/** Whether a unit is a sequence parameter set. */
export function isSps(unit: Uint8Array, codec: "avc" | "hevc"): boolean {
  const first = unit[0] ?? 0;
  return codec === "avc" ? (first & 31) === 7 : ((first >> 1) & 63) === 33;
}

/** An Error where the unit is damaged. */
export function readSps(unit: Uint8Array, codec: "avc" | "hevc"): Sps {
  const bits = new Bits(payloadOf(unit));
  return codec === "avc" ? readAvc(bits) : readHevc(bits);
}

/** ITU-T H.264, 7.3.2.1.1. */
function readAvc(bits: Bits): Sps {
  bits.skip(8);
  const profile = bits.read(8);
  bits.skip(16);
  bits.golomb();
  const chroma = highProfiles.includes(profile) ? readHighProfile(bits) : 1;
  bits.golomb();
  const order = bits.golomb();
  if (order === 0) bits.golomb();
  if (order === 1) {
    bits.skip(1);
    bits.skipGolombs(2);
    bits.skipGolombs(bits.golomb());
  }
  bits.golomb();
  bits.skip(1);
  const [across, down] = [bits.golomb() + 1, bits.golomb() + 1];
  const fields = bits.flag() ? 1 : 2;
  bits.skip(fields);
  const [left, right, top, bottom] = readCrop(bits);
  const [unitX, unitY] = [chroma === 1 || chroma === 2 ? 2 : 1, (chroma === 1 ? 2 : 1) * fields];
  return {
    width: 16 * across - unitX * (left + right),
    height: 16 * fields * down - unitY * (top + bottom),
    chroma: chromaOf(chroma),
    ...readVui(bits),
  };
}

/** Up to the chroma format and past what else the high profiles have. */
function readHighProfile(bits: Bits): number {
  const chroma = bits.golomb();
  if (chroma === 3) bits.skip(1);
  bits.skipGolombs(2);
  bits.skip(1);
  if (bits.flag()) {
    for (let i = 0; i < (chroma === 3 ? 12 : 8); i++) if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
  }
  return chroma;
}

function skipScalingList(bits: Bits, size: number): void {
  let [last, next] = [8, 8];
  for (let i = 0; i < size; i++) {
    if (next !== 0) {
      const code = bits.golomb();
      const delta = code & 1 ? (code + 1) / 2 : -code / 2;
      next = (last + delta + 256) % 256;
    }
    last = next === 0 ? last : next;
  }
}

/** ITU-T H.265, 7.3.2.2.1. */
function readHevc(bits: Bits): Sps {
  bits.skip(16 + 4);
  const layers = bits.read(3);
  bits.skip(1);
  skipProfileAndLevels(bits, layers);
  bits.golomb();
  const chroma = bits.golomb();
  if (chroma === 3) bits.skip(1);
  const [codedWidth, codedHeight] = [bits.golomb(), bits.golomb()];
  const [left, right, top, bottom] = readCrop(bits);
  const [unitX, unitY] = [chroma === 1 || chroma === 2 ? 2 : 1, chroma === 1 ? 2 : 1];
  bits.skipGolombs(2);
  const orderBits = bits.golomb() + 4;
  bits.skipGolombs(3 * (bits.flag() ? layers + 1 : 1));
  bits.skipGolombs(6);
  if (bits.flag() && bits.flag()) skipHevcScalingLists(bits);
  bits.skip(2);
  if (bits.flag()) {
    bits.skip(8);
    bits.skipGolombs(2);
    bits.skip(1);
  }
  skipReferenceSets(bits);
  if (bits.flag()) bits.skip(bits.golomb() * (orderBits + 1));
  bits.skip(2);
  return {
    width: codedWidth - unitX * (left + right),
    height: codedHeight - unitY * (top + bottom),
    chroma: chromaOf(chroma),
    ...readVui(bits),
  };
}

function skipProfileAndLevels(bits: Bits, layers: number): void {
  bits.skip(96);
  const present = Array.from({ length: layers }, () => [bits.flag(), bits.flag()]);
  if (layers > 0) bits.skip(2 * (8 - layers));
  for (const [profile, level] of present) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
}

function skipHevcScalingLists(bits: Bits): void {
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (bits.flag()) bits.skipGolombs(Math.min(64, 16 << (2 * size)) + (size > 1 ? 1 : 0));
      else bits.golomb();
    }
  }
}

/** ITU-T H.265, 7.3.7. */
function skipReferenceSets(bits: Bits): void {
  const count = bits.golomb();
  if (count > 64) throw new Error("its header is damaged");
  let pictures = 0;
  for (let i = 0; i < count; i++) {
    if (i > 0 && bits.flag()) {
      bits.skip(1);
      bits.golomb();
      const before = pictures;
      pictures = 0;
      for (let j = 0; j <= before; j++) if (bits.flag() || bits.flag()) pictures++;
    } else {
      pictures = bits.golomb() + bits.golomb();
      if (pictures > 32) throw new Error("its header is damaged");
      for (let j = 0; j < pictures; j++) {
        bits.golomb();
        bits.skip(1);
      }
    }
  }
}

function readCrop(bits: Bits): [left: number, right: number, top: number, bottom: number] {
  if (!bits.flag()) return [0, 0, 0, 0];
  return [bits.golomb(), bits.golomb(), bits.golomb(), bits.golomb()];
}

/** What both codecs' video usability information begins with. */
function readVui(bits: Bits): Signal {
  const signal: Signal = {
    pixelAspect: undefined,
    fullRange: undefined,
    fullRangeBit: undefined,
    matrix: undefined,
  };
  if (!bits.flag()) return signal;
  if (bits.flag()) {
    const index = bits.read(8);
    const aspect = index === 255 ? bits.read(16) / bits.read(16) : (aspects[index] ?? 0);
    if (aspect > 0 && aspect < Number.POSITIVE_INFINITY) signal.pixelAspect = aspect;
  }
  if (bits.flag()) bits.skip(1);
  if (!bits.flag()) return signal;
  bits.skip(3);
  signal.fullRangeBit = bits.at;
  signal.fullRange = bits.flag();
  if (!bits.flag()) return signal;
  bits.skip(16);
  signal.matrix = bits.read(8);
  return signal;
}

function chromaOf(format: number): Chroma {
  const chroma = chromas[format];
  if (chroma === undefined) throw new Error("its header is damaged");
  return chroma;
}
