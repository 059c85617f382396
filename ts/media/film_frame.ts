import type { VideoFrame } from "@napi-rs/webcodecs";
import type { RgbImage } from "../native.js";
import { FilmError } from "./film_error.js";
import type { FilmTrack } from "./film_track.js";
import type { Chroma } from "./sps.js";
import { bt601, type Matrix, matrices, type Plane, yuvToRgb } from "./yuv.js";

/** Pixels, across and down, that share a colour, as a power of two. */
const shifts: Partial<Record<Chroma, readonly [number, number]>> = {
  "420": [1, 1],
  "422": [1, 0],
  "444": [0, 0],
};
/** The numbers of ITU-T H.273 of the matrices that have names. */
const named: Record<string, number> = { rgb: 0, bt709: 1, bt470bg: 5, smpte170m: 6, "bt2020-ncl": 9 };
const remedy = "convert it: ffmpeg -i FILM -pix_fmt yuv420p -crf 18 NEW.mp4";

/** Refuses a film whose pixels can't be read as they are meant. */
export function checkPixels({ facts, container, codec }: FilmTrack): void {
  const { chroma = "420" } = facts;
  if (container.transfer === "pq" || container.transfer === "hlg") {
    const brightness = container.transfer.toUpperCase();
    throw new FilmError(
      `its brightness is made for HDR screens (${brightness}); make it SDR first, by tone mapping`,
    );
  }
  // H.264's decoder gives grey frames colourless planes of colour.
  if (chroma === "440" || (chroma === "400" && !codec.startsWith("avc"))) {
    throw new FilmError(
      `its colours are ${chroma === "440" ? "4:4:0" : "none (4:0:0)"}, which isn't read; ${remedy}`,
    );
  }
  if (facts.matrix !== undefined) matrixOf(facts.matrix);
}

/** A decoded frame's pixels, by its own matrix, range and depth. */
export async function frameToRgb(frame: VideoFrame, track: FilmTrack): Promise<RgbImage> {
  const { codedWidth: width, codedHeight: height } = frame;
  const [, name, deep] = /^I(420|422|444)(?:P(10|12))?$/.exec(frame.format ?? "") ?? [];
  const chroma = name as Chroma | undefined;
  const expected = track.facts.chroma === "400" ? "420" : (track.facts.chroma ?? chroma);
  const shift = chroma && shifts[chroma];
  const { matrix, fullRange } = colourOf(frame, track);
  if (shift === undefined || chroma !== expected) {
    throw new FilmError(`its pixels (${frame.format} of ${expected}) aren't read; ${remedy}`);
  }
  const depth = Number(deep ?? 8);
  const bytes = new Uint8Array(frame.allocationSize());
  const layout = await frame.copyTo(bytes);
  const planes = layout.map(({ offset, stride }, i): Plane => {
    const rows = i === 0 ? height : Math.floor(((layout[i + 1]?.offset ?? bytes.length) - offset) / stride);
    return { offset, stride, columns: i === 0 ? width : stride / (depth > 8 ? 2 : 1), rows };
  });
  const [y, cb, cr] = planes;
  if (!y || !cb || !cr || cb.columns < 1 || cb.rows < 1)
    throw new FilmError(`its frames are too small to have colours; ${remedy}`);
  const rgb = yuvToRgb({ bytes, planes: [y, cb, cr], depth, shift, matrix, fullRange });
  return { data: rgb, width, height };
}

/** The stream's word counts first, as in FFmpeg. The container's does for H.264 alone: other codecs always say something. */
function colourOf(
  frame: VideoFrame,
  { facts, container, codec }: FilmTrack,
): { matrix: Matrix; fullRange: boolean } {
  const { matrix: own } = frame.colorSpace;
  const isAvc = codec.startsWith("avc");
  const said = (own ?? undefined) || facts.matrix || (isAvc ? container.matrix : undefined);
  const range =
    facts.sps?.fullRange ?? frame.colorSpace.fullRange ?? (isAvc ? container.fullRange : undefined);
  return { matrix: said === undefined ? bt601 : matrixOf(said), fullRange: range ?? false };
}

function matrixOf(matrix: number | string): Matrix {
  const number = typeof matrix === "string" ? named[matrix] : matrix;
  const known = matrices[number ?? 2];
  if (known !== undefined) return known;
  const what = number === 0 ? "RGB" : number === 8 ? "YCgCo" : `of the unknown kind ${matrix}`;
  throw new FilmError(`its colours are ${what}, which isn't read; ${remedy}`);
}
