import {
  type Clip,
  ClipPainter,
  clipFromSeed,
  drawReference,
  isHeldOut,
  pairFromSeed,
  type Split,
} from "../world/index.js";

/** A subject that was never trained on, and what it is asked to do: the clip is what the world itself draws of it. */
export interface Case {
  index: number;
  clip: Clip;
}

/** What a case's films are judged by. */
export interface Truth {
  index: number;
  caption: string;
  action: string;
  place: string;
  plan: string;
  colour: string;
  pattern: string;
  accessory: string;
  /** Action and place are a pair that no training clip has. */
  heldOutPair: boolean;
}

export const size = 128;
export const frames = 16;

export function casesOf(split: Exclude<Split, "train">, count: number): Case[] {
  return Array.from({ length: count }, (_, index) => ({ index, clip: clipFromSeed(index, split) }));
}

/** Two subjects in one film, side by side: the first one's prompt is the film's. */
export function pairsOf(split: Exclude<Split, "train">, count: number): [Case, Case][] {
  return Array.from({ length: count }, (_, i) => {
    const [left, right] = pairFromSeed(i, split);
    return [
      { index: i, clip: left },
      { index: i, clip: right },
    ];
  });
}

export function truthOf({ index, clip }: Case): Truth {
  const { caption, action, place, subject } = clip;
  const { plan, colour, pattern, accessory } = subject;
  const heldOutPair = isHeldOut(action, place);
  return { index, caption, action, place, plan, colour, pattern, accessory, heldOutPair };
}

/** What a case's files are called, without an extension. */
export const nameOf = ({ index }: { index: number }): string => String(index).padStart(3, "0");

/** The picture that a film's subject is taken from. */
export function referenceOf({ clip }: Case) {
  return { data: drawReference(clip.subject, { size }), width: size, height: size };
}

/** The same from the other side. */
export function mirroredReferenceOf(one: Case) {
  const reference = referenceOf(one);
  const data = new Uint8Array(reference.data.length);
  for (let i = 0; i < size * size; i++) {
    const from = 3 * (i - 2 * (i % size) + size - 1);
    data.set(reference.data.subarray(from, from + 3), 3 * i);
  }
  return { ...reference, data };
}

/** The world's own film of these, side by side; of each its square, 8-bit RGB (frames, size, size, 3). */
export function drawnFilms(cases: Case[]): Uint8Array[] {
  const painter = new ClipPainter(cases.map(({ clip }) => clip) as [Clip, ...Clip[]], size);
  const pictures = Array.from({ length: frames }, (_, frame) => painter.paint(frame).rgb);
  return cut(Buffer.concat(pictures), cases.length);
}

/**
 * Cuts RGB frames (length, size, count * size, 3) into squares that stood side by side, and these into films of `length` frames,
 * by default as many as the probes take, (length, size, size, 3) each: all of the first square first.
 */
export function cut(pixels: Uint8Array, count: number, length = frames): Uint8Array[] {
  const row = 3 * size;
  const rows = length * size;
  const films = pixels.length / (count * rows * row);
  return Array.from({ length: count * films }, (_, i) => {
    const [side, film] = [Math.floor(i / films), i % films];
    const square = new Uint8Array(rows * row);
    for (let y = 0; y < rows; y++) {
      const from = ((film * rows + y) * count + side) * row;
      square.set(pixels.subarray(from, from + row), y * row);
    }
    return square;
  });
}
