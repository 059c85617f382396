import { Random } from "#ts/data/random.js";
import type { Colour } from "./colour.js";

export const plans = ["biped", "quadruped", "bird", "blob"] as const;
export const colours = ["red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"] as const;
export const patterns = ["plain", "stripes", "spots", "belly"] as const;
export const seconds = ["cream", "white", "dark", "contrast"] as const;
export const ears = ["round", "pointed", "long", "horns", "antennae"] as const;
export const tails = ["none", "puff", "long", "bushy"] as const;
export const accessories = ["none", "top hat", "scarf", "crown", "glasses"] as const;
export const splits = ["train", "validation", "test"] as const;

export type Split = (typeof splits)[number];

/** What tells subjects apart; every combination is one. */
export interface Traits {
  readonly plan: (typeof plans)[number];
  readonly colour: (typeof colours)[number];
  readonly pattern: (typeof patterns)[number];
  readonly second: (typeof seconds)[number];
  readonly ears: (typeof ears)[number];
  readonly tail: (typeof tails)[number];
  readonly accessory: (typeof accessories)[number];
}

export interface Subject extends Traits {
  /** What its patterns' places, its shade and its accessory's colour are drawn from. */
  readonly seed: number;
  /** Around 1. */
  readonly headSize: number;
  readonly limbLength: number;
  readonly roundness: number;
  readonly eyeSize: number;
}

const hues: Record<Traits["colour"], Colour> = {
  red: [357, 80, 53],
  orange: [25, 95, 55],
  yellow: [48, 97, 58],
  green: [132, 58, 43],
  cyan: [183, 78, 52],
  blue: [220, 80, 52],
  purple: [274, 62, 52],
  pink: [332, 90, 75],
};

/** Which colour contrasts with the main one. */
const contrasts: Record<Traits["colour"], Colour> = {
  red: [46, 95, 62],
  orange: [222, 70, 45],
  yellow: [275, 60, 52],
  green: [48, 96, 64],
  cyan: [338, 80, 62],
  blue: [40, 98, 60],
  purple: [150, 60, 62],
  pink: [190, 75, 45],
};

const accessoryColours: Colour[] = [
  [354, 78, 50],
  [218, 78, 46],
  [46, 96, 56],
  [282, 58, 48],
  [160, 68, 36],
  [240, 25, 20],
  [320, 78, 58],
];

export interface Palette {
  main: Colour;
  second: Colour;
  accessory: Colour;
}

export function paletteOf(subject: Subject): Palette {
  const random = new Random("palette", subject.seed);
  const [hue, saturation, lightness] = hues[subject.colour];
  const main: Colour = [
    hue + random.between(-4, 4),
    saturation + random.between(-5, 3),
    lightness + random.between(-2.5, 2.5),
  ];
  const apart = accessoryColours.filter(([other]) => Math.abs(((other - hue + 540) % 360) - 180) > 45);
  const accessory = apart[random.below(apart.length)] as Colour;
  return { main, second: secondOf(subject, main), accessory };
}

function secondOf({ second, colour }: Traits, main: Colour): Colour {
  if (second === "cream") return [40, 85, 86];
  if (second === "white") return [220, 30, 98];
  if (second === "dark") return [main[0] - 6, Math.min(75, main[1]), main[2] * 0.48];
  return contrasts[colour];
}

/** The same for a combination of traits everywhere: FNV-1a with a final mix. */
function hash(traits: Traits): number {
  const { plan, colour, pattern, second, ears, tail, accessory } = traits;
  let value = 0x811c9dc5;
  for (const letter of [plan, colour, pattern, second, ears, tail, accessory].join("/")) {
    value = Math.imul(value ^ letter.charCodeAt(0), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}

/** One combination in 16 is kept from training: a half of these is for validation, the other for the test. */
export function splitOf(traits: Traits): Split {
  const value = hash(traits);
  if (value % 16 !== 0) return "train";
  return (value >>> 4) % 2 === 0 ? "validation" : "test";
}

/** A subject of the split, drawn at random: the seed alone determines it. */
export function subjectFromSeed(seed: number, split: Split = "train"): Subject {
  const random = new Random("subject", split, seed);
  const pick = <T>(from: readonly T[]) => from[random.below(from.length)] as T;
  for (;;) {
    const traits: Traits = {
      plan: pick(plans),
      colour: pick(colours),
      pattern: pick(patterns),
      second: pick(seconds),
      ears: pick(ears),
      tail: pick(tails),
      accessory: pick(accessories),
    };
    if (splitOf(traits) !== split) continue;
    return {
      ...traits,
      seed,
      headSize: random.between(0.92, 1.1),
      limbLength: random.between(0.88, 1.15),
      roundness: random.between(0.9, 1.12),
      eyeSize: random.between(0.88, 1.15),
    };
  }
}
