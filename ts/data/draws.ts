import type { CompleteDataRecipe } from "../training/complete_types.js";
import type { Random } from "./random.js";

type References = NonNullable<CompleteDataRecipe["references"]>;

/** A map of a picture onto itself, about its centre. */
export interface AffineMap {
  degrees: number;
  /** Of the picture's width and height. */
  shift: [x: number, y: number];
  scale: number;
}

export interface ReferenceDraw {
  /** The frame of the clip; the first is 0. */
  frame: number;
  flip: boolean;
  affine: AffineMap | undefined;
}

/** All that is random in a sample. */
export interface Draws {
  /** Indices of the clip's frames. */
  frames: number[];
  /** Where the crop lies between what is possible, 0 to 1: left to right, top to bottom. */
  crop: [x: number, y: number];
  /** One, or as many as the recipe has; none where samples have no references. */
  subjects: SubjectDraw[];
}

export interface SubjectDraw {
  references: ReferenceDraw[];
  /** How far its region goes beyond it, of the picture: to the left, up, to the right, down; 0 for a subject alone. */
  grow: [number, number, number, number];
}

/** Draws a sample out of a clip of `count` frames, of which there are at least `data.frames`. */
export function drawSample(data: CompleteDataRecipe, count: number, random: Random): Draws {
  const frames = drawFrames(data, count, random);
  const crop = [random.next(), random.next()] as Draws["crop"];
  return {
    frames,
    crop: data.cropPosition === "center" ? [0.5, 0.5] : crop,
    subjects: data.references ? drawSubjects(data.references, count, random) : [],
  };
}

/** A clip too short for the stride has the largest one with which it has enough frames. */
function drawFrames(data: CompleteDataRecipe, count: number, random: Random): number[] {
  const stride = Math.min(data.stride, Math.floor((count - 1) / Math.max(1, data.frames - 1)));
  const span = (data.frames - 1) * stride + 1;
  const start = random.below(count - span + 1);
  const first = data.start === "first" ? 0 : start;
  return Array.from({ length: data.frames }, (_, i) => first + i * stride);
}

function drawSubjects(recipe: References, count: number, random: Random): SubjectDraw[] {
  const { subjects } = recipe;
  return Array.from({ length: subjects?.count ?? 1 }, () => {
    const references = drawReferences(recipe, count, random);
    // A subject alone draws nothing for it, as before there were several.
    const side = () => (subjects ? random.between(0, subjects.grow) : 0);
    return { references, grow: [side(), side(), side(), side()] };
  });
}

function drawReferences(references: References, count: number, random: Random): ReferenceDraw[] {
  const spread = Array.from({ length: references.candidates }, (_, i) =>
    Math.floor(((i + 0.5) * count) / references.candidates),
  );
  const candidates = random.shuffle(Array.from(new Set(spread)));
  return Array.from({ length: references.count }, (_, i) => ({
    frame: candidates[i % candidates.length] as number,
    flip: random.next() < references.flip,
    affine: references.affine ? drawAffine(references.affine, random) : undefined,
  }));
}

function drawAffine(
  { degrees, translate, scale }: Exclude<References["affine"], false>,
  random: Random,
): AffineMap {
  return {
    degrees: random.between(-degrees, degrees),
    shift: [random.between(-translate, translate), random.between(-translate, translate)],
    scale: random.between(...scale),
  };
}
