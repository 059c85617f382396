import { z } from "zod";
import type { FilmSource, ImageSource } from "../media/index.js";
import { notAllowed, option } from "./check.js";
import { defined } from "./defined.js";

/** A part of the frame: 0, 0 is its upper left corner and 1, 1 its lower right one. */
export interface Box {
  /** Of its left side. */
  readonly x: number;
  /** Of its upper side. */
  readonly y: number;
  /** More than 0, and to the frame's right side at most. */
  readonly width: number;
  /** More than 0, and to the frame's lower side at most. */
  readonly height: number;
}

/** A box by frames, as `{ 0: left, 15: right }`: it moves evenly from one to the next, and stays as it is before and after. */
export type MovingBox = Readonly<Record<number, Box>>;

/** How strongly frames see a subject's references: by step and by level of the network. */
export interface SubjectStrength {
  /** 0 (not at all) to 10. Default: 1. */
  readonly scale?: number | undefined;
  /** The part of the steps in which frames see them, 0 to 1. Default: 0. */
  readonly from?: number | undefined;
  /** Where that part ends. Default: 1. */
  readonly to?: number | undefined;
  /** What multiplies `scale` at each level of the UNet, from the outermost on; the last one holds for deeper ones. Default: [1]. */
  readonly levels?: readonly number[] | undefined;
}

/** One of several subjects of a film. */
export interface Subject {
  /** One picture of it, or several. */
  readonly reference: ImageSource | readonly ImageSource[];
  /**
   * Where it is: a box, a box that moves, or a mask, white where it is: one picture for all frames, or a film. Positions elsewhere
   * don't see its references. Default: everywhere.
   */
  readonly region?: Box | MovingBox | FilmSource | undefined;
  /** How strongly frames see its references. Default: 1. */
  readonly strength?: number | SubjectStrength | undefined;
  /**
   * What it is, in words: a prompt that its references read, and its region in place of the request's prompt. A subject without a
   * region has its references alone read it. Default: the request's prompt.
   */
  readonly words?: string | undefined;
}

/** A subject with all its defaults. */
export interface CompleteSubject extends Pick<Subject, "region" | "words"> {
  readonly reference: readonly ImageSource[];
  readonly strength: Required<{ [Name in keyof SubjectStrength]: NonNullable<SubjectStrength[Name]> }>;
}

/** How many there may be. */
export const mostSubjects = 16;

const part = z.number().min(0).max(1);
const scale = z.number().min(0).max(10);
const box = z
  .strictObject({ x: part, y: part, width: part, height: part })
  .refine(({ x, y, width, height }) => width > 0 && height > 0 && x + width <= 1 && y + height <= 1);
const strength = z.union([
  scale,
  z
    .strictObject({
      scale: scale.optional(),
      from: part.optional(),
      to: part.optional(),
      levels: z.array(scale).min(1).max(16).optional(),
    })
    .refine(({ from = 0, to = 1 }) => from <= to),
]);

/** For a schema. */
export function subjectSchema(picture: z.ZodType, film: z.ZodType, longestText: number): z.ZodType {
  const pictures = z.union([picture, z.array(picture).min(1).max(1024)]);
  const region = z.union([box, z.record(z.string().regex(/^\d{1,4}$/), box), film]);
  const one = z.strictObject({
    reference: option(pictures, "a picture, or an array of pictures"),
    region: option(region.optional(), regionAllowed),
    strength: option(strength.optional(), strengthAllowed),
    words: option(z.string().max(longestText).optional(), `a text of at most ${longestText} characters`),
  });
  return z.array(one).min(1).max(mostSubjects);
}

const regionAllowed =
  "a box { x, y, width, height } in parts of the frame that lies within it, boxes by frames, or a mask: a picture or a film";
const strengthAllowed =
  "a number from 0 to 10, or { scale, from, to, levels } with parts of the steps from 0 to 1 in rising order";

/** In words. */
export const subjectsAllowed = `an array of 1 to ${mostSubjects} subjects { reference, region, strength, words }`;

export function completedSubjects(
  given: readonly Subject[] | undefined,
  asTexts: <T extends FilmSource | undefined>(film: T) => T,
): CompleteSubject[] | undefined {
  return given?.map(({ reference, region, strength = {}, words }) => {
    const {
      scale = 1,
      from = 0,
      to = 1,
      levels = [1],
    } = typeof strength === "number" ? { scale: strength } : strength;
    return {
      reference: asTexts(pictures(reference)),
      strength: { scale, from, to, levels: [...levels] },
      ...defined({ region: region && (isMask(region) ? asTexts(region) : structuredClone(region)), words }),
    };
  });
}

function pictures(given: ImageSource | readonly ImageSource[]): readonly ImageSource[] {
  return Array.isArray(given) ? given : [given as ImageSource];
}

function isBox(region: NonNullable<Subject["region"]>): region is Box {
  return typeof region === "object" && "x" in region && "y" in region;
}

function isMask(region: NonNullable<Subject["region"]>): region is FilmSource {
  if (typeof region !== "object" || Array.isArray(region)) return true;
  return region instanceof URL || region instanceof Uint8Array || ("width" in region && !isBox(region));
}

/** The mask of a subject's region; none where it has a box or is everywhere. */
export function regionMask({ region }: Pick<CompleteSubject, "region">): FilmSource | undefined {
  return region !== undefined && isMask(region) ? region : undefined;
}

/** As the native half takes them: a region's boxes are one, or one for each frame. */
export function nativeSubjects(
  subjects: readonly Subject[],
  { frames = 1 }: { readonly frames?: number | undefined },
) {
  return (subjects as readonly CompleteSubject[]).map(({ reference, region, strength }) => ({
    references: reference.length,
    boxes: region === undefined || isMask(region) ? [] : boxesOf(region, frames),
    ...strength,
  }));
}

/** Throws ERR_INVALID_OPTION where a region is of other frames than the film has. */
export function checkRegions(request: {
  readonly subjects?: readonly Pick<CompleteSubject, "region">[] | undefined;
  readonly frames: number;
}): void {
  const { subjects = [], frames } = request;
  for (const [i, subject] of subjects.entries()) {
    const name = `subjects[${i}].region`;
    const { region } = subject;
    if (region === undefined || isMask(region) || isBox(region)) continue;
    const past = Object.keys(region).find((frame) => Number(frame) >= frames);
    if (past !== undefined || Object.keys(region).length === 0) {
      throw notAllowed(name, past ?? region, `boxes by frames from 0 to ${frames - 1}, one or more`);
    }
  }
}

type Corners = [left: number, top: number, right: number, bottom: number];

function boxesOf(region: Box | MovingBox, frames: number): Corners[] {
  if (isBox(region)) return [corners(region)];
  const keys = Object.keys(region)
    .map(Number)
    .sort((a, b) => a - b);
  return Array.from({ length: frames }, (_, frame) => boxAt(region, keys, frame));
}

function boxAt(region: MovingBox, keys: readonly number[], frame: number): Corners {
  const after = keys.find((key) => key >= frame) ?? (keys.at(-1) as number);
  const before = keys.findLast((key) => key <= frame) ?? (keys[0] as number);
  const [from, to] = [corners(region[before] as Box), corners(region[after] as Box)];
  const share = after === before ? 0 : (frame - before) / (after - before);
  return from.map((value, i) => value + share * ((to[i] as number) - value)) as Corners;
}

function corners({ x, y, width, height }: Box): Corners {
  return [x, y, x + width, y + height];
}
