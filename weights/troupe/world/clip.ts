import { Random } from "#ts/data/random.js";
import { type ActionName, actionNames, actions } from "./actions/index.js";
import type { CameraName } from "./camera.js";
import { captionOf, type Told } from "./captions.js";
import { lightNames } from "./light.js";
import { isLit, type PlaceName, placeNames } from "./places/index.js";
import { type Split, type Subject, subjectFromSeed } from "./subject.js";

export const framesPerSecond = 8;
/** What `clipFromSeed` plans its ways for. */
export const usualFrames = 16;

/** Actions and places that no training clip shows together. */
export const heldOutPairs: readonly (readonly [ActionName, PlaceName])[] = [
  ["run", "moon"],
  ["jump", "snow"],
  ["wave", "beach"],
  ["spin", "meadow"],
  ["walk", "city"],
];

/** Everything that a clip's pixels depend on. */
export interface Clip extends Told {
  seed: number;
  split: Split;
  subject: Subject;
  caption: string;
  motion: Motion;
}

export interface Motion {
  /** 1: to the right; -1: to the left. */
  facing: 1 | -1;
  /** Rounds of the action a second, and the rounds that went before the first frame. */
  rounds: number;
  phase: number;
  vigour: number;
  /** A body's unit, in frame heights. */
  scale: number;
  /** Where the subject is at first; the frame goes from 0 to 1. */
  x: number;
  /** In frame heights a second: the subject through the frame, and the camera through the scene. */
  drift: number;
  scroll: number;
  zoom: number;
  /** The place's own. */
  layout: number;
  /** Seconds; it may lie after the end. */
  blink: number;
}

export function isHeldOut(action: ActionName, place: PlaceName): boolean {
  return heldOutPairs.some(([a, p]) => a === action && p === place);
}

/** The places in which an action can be; with `split` "train", those which training shows. */
export function placesOf(action: ActionName, split: Split): PlaceName[] {
  const all: readonly PlaceName[] = action === "swim" ? ["sea"] : placeNames;
  return split === "train" ? all.filter((place) => !isHeldOut(action, place)) : [...all];
}

/** What is to be drawn for a seed: all of a split's actions and places are about as frequent as one another. */
export function clipFromSeed(seed: number, split: Split = "train"): Clip {
  const random = new Random("clip", split, seed);
  const subject = subjectFromSeed(random.below(2 ** 31), split);
  // There is but one place to swim in.
  const action = random.next() < 0.13 ? "swim" : (actionNames[random.below(5)] as ActionName);
  const all = placesOf(action, split);
  const place = all[random.below(all.length)] as PlaceName;
  const light = isLit(place) ? (lightNames[random.below(3)] as Clip["light"]) : "own";
  const { camera, motion } = shot(random, subject, action);
  const told: Told = { action, place, light, camera };
  return { seed, split, subject, ...told, caption: captionOf(told, random), motion };
}

/**
 * Two clips of different subjects to be drawn side by side: in one place and light, by one camera. Both stay in their squares:
 * they do the same where it takes them along, and each its own where it doesn't.
 */
export function pairFromSeed(seed: number, split: Split = "train"): [Clip, Clip] {
  const random = new Random("pair", split, seed);
  const first = clipFromSeed(random.below(2 ** 31), split);
  const { place, light, camera, motion } = first;
  const moves = isMoving(first.action);
  const others = placeActions(place, split).filter((action) => !isMoving(action));
  const action = moves ? first.action : (others[random.below(others.length)] as ActionName);
  const subject = subjectFromSeed(random.below(2 ** 31), split);
  const own = shot(random, subject, action).motion;
  const told: Told = { action, place, light, camera };
  const { drift, scroll, zoom, facing } = motion;
  const shared = { drift, scroll, zoom, x: motion.x + random.between(-0.04, 0.04) };
  const together = moves ? { ...shared, facing, rounds: own.rounds * paceOf(first, own, subject) } : shared;
  return [
    first,
    { seed, split, subject, ...told, caption: captionOf(told, random), motion: { ...own, ...together } },
  ];
}

const isMoving = (action: ActionName) => ["walk", "run", "swim"].includes(action);
const placeActions = (place: PlaceName, split: Split) =>
  actionNames.filter((action) => placesOf(action, split).includes(place));

/** What makes a subject's way as long as the first one's. */
function paceOf(first: Clip, { rounds, scale, vigour }: Motion, { plan }: Subject): number {
  const speed = Math.abs(actions[first.action].stride({ plan, cycle: 0, vigour }) * rounds * scale);
  return Math.abs(first.motion.drift + first.motion.scroll) / speed;
}

const scales: Record<Subject["plan"], number> = { biped: 0.59, quadruped: 0.62, bird: 0.6, blob: 0.66 };

/** How large a subject is in clips, in frame heights a unit of bodies. */
export function scaleOf({ plan, ears }: Subject): number {
  return scales[plan] * (ears === "long" ? 0.95 : 1);
}

function shot(random: Random, subject: Subject, action: ActionName): { camera: CameraName; motion: Motion } {
  const facing = random.next() < 0.5 ? 1 : -1;
  const rounds = random.between(0.88, 1.14) / actions[action].seconds;
  const vigour = random.between(0.9, 1.1);
  const scale = scaleOf(subject) * random.between(0.97, 1.03);
  const speed = facing * actions[action].stride({ plan: subject.plan, cycle: 0, vigour }) * rounds * scale;
  const seconds = usualFrames / framesPerSecond;
  const camera = cameraFor(
    random,
    action,
    Math.abs(speed) * seconds,
    ["quadruped", "blob"].includes(subject.plan) ? 0.42 : 0.55,
  );
  const pan = (random.next() < 0.5 ? 1 : -1) * random.between(0.05, 0.09);
  const sway = facing * random.between(-0.04, 0.08);
  const drift = camera === "follow" ? sway : camera === "pan" ? -pan : speed;
  const middle = random.between(0.46, 0.54);
  return {
    camera,
    motion: {
      facing,
      rounds,
      phase: random.next(),
      vigour,
      scale,
      x: middle - (drift * seconds) / 2,
      drift,
      scroll: speed - drift,
      zoom: random.between(1.14, 1.22),
      layout: random.below(2 ** 31),
      blink: random.between(0.1, 3),
    },
  };
}

/** Who goes too far for a still frame is followed; who stays can be seen by a camera that moves. */
function cameraFor(random: Random, action: ActionName, way: number, room: number): CameraName {
  const chance = random.next();
  if (["walk", "run", "swim"].includes(action)) return way < room && chance < 0.45 ? "still" : "follow";
  return chance < 0.5 ? "still" : chance < 0.75 ? "pan" : "zoom";
}
