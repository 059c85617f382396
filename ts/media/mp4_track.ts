import { FilmError } from "./film_error.js";
import type { FilmFile } from "./film_file.js";
import { type Box, readBoxes } from "./mp4.js";

/** A part of a track that is shown, in seconds of the track's own time. */
export interface Edit {
  start: number;
  /** Infinite where the edit ends with the track. */
  duration: number;
}

/** What an MP4's headers say of a film beside its samples. */
export interface Mp4Track {
  /** The track's parts in the order in which they are shown; undefined where all of it is. */
  edits: Edit[] | undefined;
  /** When the first edit is shown, in seconds of the film's time. */
  delay: number;
  /** Width of a pixel in its heights; undefined where it isn't said. */
  pixelAspect: number | undefined;
  /** Matrix of ITU-T H.273, and range, of the `colr` box; undefined where it isn't said. */
  matrix: number | undefined;
  fullRange: boolean | undefined;
}

/** More frames than any film has, 38 hours at 30 a second: a header of a few bytes can promise thousands of millions. */
export const maxFrames = 2 ** 22;
/** Steps to find every frame's place: each is sought from the beginning of its piece. */
const maxSteps = 2 ** 32;
/** Boxes at a file's top level that are looked at. */
const maxBoxes = 2 ** 16;
/** Bytes of a sample's description before its boxes (ISO/IEC 14496-12, 12.1.3). */
const sampleEntryBytes = 78;

/** What is said of the video track `id`; an Error where its headers are damaged. */
export function readMp4Track(movie: readonly Box[], id: number): Mp4Track {
  const tracks = movie.filter(({ type }) => type === "trak").map(({ payload }) => readBoxes(payload));
  const track = tracks.find((boxes) => trackId(child(boxes, "tkhd")) === id);
  if (track === undefined) throw new FilmError("its track has no header");
  const media = children(track, "mdia");
  const ticks = { film: timescale(child(movie, "mvhd")), track: timescale(child(media, "mdhd")) };
  const entry = children(children(children(media, "minf"), "stbl"), "stsd", 8)[0]?.payload;
  const { edits, delay } = readEdits(child(children(track, "edts"), "elst"), ticks);
  return { edits, delay, ...readEntry(entry, child(track, "tkhd")) };
}

/** The movie's header, having made sure that no table in it, or in a fragment, is longer than any film's. */
export async function readMovie(file: FilmFile): Promise<Box[]> {
  let movie: Box[] | undefined;
  let [frames, isFragmented] = [0, false];
  for await (const { type, start, end } of topLevel(file)) {
    if (type === "moov" && movie === undefined) {
      movie = readBoxes(await file.read(start, end));
      isFragmented = movie.some((box) => box.type === "mvex");
      for (const box of movie) if (box.type === "trak") checkTables(box.payload);
    }
    if (movie !== undefined && !isFragmented) break;
    if (type === "moof") frames += countRuns(readBoxes(await file.read(start, end)));
    if (frames > maxFrames) throw tooMany();
  }
  if (movie === undefined) throw new FilmError("it has no index; it was cut short, or never finished");
  return movie;
}

async function* topLevel(file: FilmFile): AsyncGenerator<{ type: string; start: number; end: number }> {
  let at = 0;
  for (let boxes = 0; at + 8 <= file.size; boxes++) {
    if (boxes === maxBoxes) throw inPieces(`more than ${maxBoxes} pieces`);
    const header = await file.read(at, at + 16);
    const short = header.readUInt32BE(0);
    const bytes = short === 1 ? 16 : 8;
    if (header.length < bytes) return;
    const size = short === 1 ? Number(header.readBigUInt64BE(8)) : short || file.size - at;
    if (size < bytes) return;
    yield { type: header.toString("latin1", 4, 8), start: at + bytes, end: Math.min(at + size, file.size) };
    at += size;
  }
}

/** Tables of a video track that say "as many samples like this" in a few bytes. */
function checkTables(track: Buffer): void {
  const media = children(readBoxes(track), "mdia");
  if (child(media, "hdlr")?.toString("latin1", 8, 12) !== "vide") return;
  const tables = children(children(media, "minf"), "stbl");
  const counts = (type: string, from: number, step: number) => numbers(child(tables, type), from, step);
  const sum = (all: number[]) => all.reduce((total, each) => total + each, 0);
  const frames = sum(counts("stts", 8, 8));
  if (Math.max(frames, sum(counts("ctts", 8, 8))) > maxFrames) throw tooMany();
  const largest = counts("stsc", 12, 12).reduce((most, each) => Math.max(most, each), 0);
  if (frames * largest > maxSteps) throw inPieces(`pieces of ${largest} frames`);
}

/** The 32-bit numbers of a table, `step` bytes apart. */
function numbers(table: Buffer | undefined, from: number, step: number): number[] {
  const found: number[] = [];
  for (let at = from; table && at + 4 <= table.length; at += step) found.push(table.readUInt32BE(at));
  return found;
}

function countRuns(fragment: Box[]): number {
  let frames = 0;
  for (const track of fragment.filter(({ type }) => type === "traf")) {
    for (const { type, payload } of readBoxes(track.payload)) {
      if (type === "trun" && payload.length >= 8) frames += payload.readUInt32BE(4);
    }
  }
  return frames;
}

/** Durations are in the film's ticks, times in the track's; a time of -1 shows nothing for a while. */
function readEdits(
  list: Buffer | undefined,
  ticks: { film: number; track: number },
): Pick<Mp4Track, "edits" | "delay"> {
  if (list === undefined || list.length < 8) return { edits: undefined, delay: 0 };
  const long = list[0] === 1;
  const bytes = long ? 20 : 12;
  const edits: Edit[] = [];
  let delay = 0;
  const count = Math.min(list.readUInt32BE(4), Math.floor((list.length - 8) / bytes));
  for (let i = 0, at = 8; i < count; i++, at += bytes) {
    const duration = (long ? Number(list.readBigUInt64BE(at)) : list.readUInt32BE(at)) / ticks.film;
    const time = long ? Number(list.readBigInt64BE(at + 8)) : list.readInt32BE(at + 4);
    if (time < 0) {
      if (edits.length === 0) delay += duration;
      continue;
    }
    if (list.readInt32BE(at + bytes - 4) !== 0x10000) throw new FilmError("its edit list changes its speed");
    edits.push({ start: time / ticks.track, duration: duration || Number.POSITIVE_INFINITY });
  }
  return edits.length === 0 ? { edits: undefined, delay: 0 } : { edits, delay };
}

/** The sample's description, and in its place the track's header: its size is that of the picture as shown. */
function readEntry(
  entry: Buffer | undefined,
  header: Buffer | undefined,
): Pick<Mp4Track, "pixelAspect" | "matrix" | "fullRange"> {
  const at = header?.[0] === 1 ? 88 : 76;
  if (
    entry === undefined ||
    header === undefined ||
    entry.length < sampleEntryBytes ||
    header.length < at + 8
  ) {
    throw new FilmError("its track has no description");
  }
  const boxes = readBoxes(entry.subarray(sampleEntryBytes));
  const colour = child(boxes, "colr");
  const kind = colour?.toString("latin1", 0, 4);
  const isNamed = colour !== undefined && colour.length >= 10 && (kind === "nclx" || kind === "nclc");
  const isRanged = isNamed && kind === "nclx" && colour.length >= 11;
  const [across, down] = [header.readUInt32BE(at), header.readUInt32BE(at + 4)];
  const shown = (across / down) * (entry.readUInt16BE(26) / entry.readUInt16BE(24));
  return {
    pixelAspect: ratioOf(child(boxes, "pasp")) ?? (Math.abs(shown - 1) > 0.01 ? positive(shown) : undefined),
    matrix: isNamed ? colour.readUInt16BE(8) : undefined,
    fullRange: isRanged ? ((colour[10] ?? 0) & 0x80) !== 0 : undefined,
  };
}

function ratioOf(box: Buffer | undefined): number | undefined {
  return box && box.length >= 8 ? positive(box.readUInt32BE(0) / box.readUInt32BE(4)) : undefined;
}

function positive(ratio: number): number | undefined {
  return ratio > 0 && ratio < Number.POSITIVE_INFINITY ? ratio : undefined;
}

function trackId(header: Buffer | undefined): number | undefined {
  const at = header?.[0] === 1 ? 20 : 12;
  return header && header.length >= 84 ? header.readUInt32BE(at) : undefined;
}

function timescale(header: Buffer | undefined): number {
  const at = header?.[0] === 1 ? 20 : 12;
  const ticks = header && header.length >= at + 4 ? header.readUInt32BE(at) : 0;
  if (ticks === 0) throw new FilmError("its header has no clock");
  return ticks;
}

function child(boxes: readonly Box[], type: string): Buffer | undefined {
  return boxes.find((box) => box.type === type)?.payload;
}

/** The boxes in a box of this type, after `skip` bytes. */
function children(boxes: readonly Box[], type: string, skip = 0): Box[] {
  return readBoxes(child(boxes, type)?.subarray(skip) ?? Buffer.alloc(0));
}

const inPieces = (what: string) => new FilmError(`it is in ${what}; copy it: ffmpeg -i FILM -c copy NEW.mp4`);
const tooMany = () => new FilmError(`its header promises more than ${maxFrames} frames`);
