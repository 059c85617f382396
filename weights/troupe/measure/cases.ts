import { type Clip, clipFromSeed, drawClip, drawReference, isHeldOut, type Split } from "../world/index.js";

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

/** The world's own film, 8-bit RGB (frames, size, size, 3). */
export function drawnFilm({ clip }: Case): Uint8Array {
  return drawClip(clip, { size, frames }).frames;
}
