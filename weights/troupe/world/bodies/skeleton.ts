import type { Colour } from "../colour.js";
import {
  add,
  at,
  type Ball,
  curve,
  type Direction,
  type Frame,
  leaned,
  moved,
  rolled,
  scaled,
  smoothed,
  stretched,
  type Vector,
  world,
  yawed,
} from "../geometry.js";
import type { Arm, Foot, Pose } from "../pose.js";
import { type Part, solid, tube } from "../puppet.js";
import type { Palette, Subject } from "../subject.js";

/** What a body plan gives: the trunk and the head, and where the rest of a subject belongs. */
export interface Skeleton {
  torso: Ball;
  head: Ball;
  /** The trunk and the head have one outline. */
  fused: boolean;
  limbs: Part[];
  /** x goes backwards, out of the body. */
  tail: Frame;
  /** y goes up the neck. */
  neck: { frame: Frame; radius: number };
  belly: { way: Direction; angle: number };
  /** The trunk's axis that stripes go around. */
  stripeAxis: 0 | 1;
  face: { eyesUp: number; eyesApart: number; eye: number; nose: "snout" | "beak" | "none" };
  /** Of the head's ornaments. */
  ornament: number;
}

/** From the camera: how far it looks down, and the three-quarter view that bodies have at rest. */
const cameraDown = 0.15;
export const bodyTurn = 0.55;
export const headTurn = 0.4;

export interface Base {
  /** The whole subject's: where it stands, with its turn and squash. */
  ground: Frame;
  /** The trunk's. */
  trunk: Frame;
}

/** The frames of a body whose hips are at a height; the tilt goes around the height `centre`. */
export function baseOf(view: Frame, pose: Pose, hips: number, centre: number): Base {
  const upright = yawed(moved(view, [0, pose.lift, 0]), bodyTurn + pose.turn);
  const wide = 1 / Math.sqrt(pose.stretch);
  const squashed = stretched(upright, [wide, pose.stretch, wide]);
  const middle = leaned(moved(squashed, [0, centre, 0]), pose.tilt);
  const ground = moved(rolled(middle, pose.roll), [0, -centre, 0]);
  const trunk = leaned(moved(ground, [0, hips - pose.sink, 0]), pose.lean);
  return { ground, trunk };
}

/** The camera's view of the ground, before a subject's turn. */
export const view: Frame = rolled(world, cameraDown);

export function headFrame(frame: Frame, pose: Pose): Frame {
  return rolled(leaned(yawed(frame, headTurn + pose.headTurn), pose.headNod), pose.headRoll);
}

function armWay({ swing, raise }: Arm, side: number, more = { swing: 0, raise: 0 }): Vector {
  const [forward, out] = [swing + more.swing, raise + more.raise];
  return [Math.sin(forward) * Math.cos(out), -Math.cos(forward) * Math.cos(out), side * Math.sin(out)];
}

export interface LimbShape {
  length: number;
  radii: readonly number[];
  colour: Colour;
  /** Towards the viewer. */
  bias?: number;
  tip?: { from: number; colour: Colour };
}

/** An arm from a shoulder; `side` is 1 for the near one, -1 for the far one. */
export function armPart(trunk: Frame, shoulder: Vector, arm: Arm, side: number, shape: LimbShape): Part {
  const half = shape.length / 2;
  const elbow = add(shoulder, armWay(arm, side), half);
  const hand = add(elbow, armWay(arm, side, { swing: arm.bend, raise: arm.bendSide }), half);
  const points = curve([shoulder, elbow, hand].map((point) => at(trunk, point)));
  const radii = smoothed(shape.radii);
  const depth = (points[5] as Vector)[2] + (shape.bias ?? 0);
  return tube(points, radii, shape.colour, { depth, open: 0.25, ...(shape.tip && { tip: shape.tip }) });
}

export interface LegShape extends LimbShape {
  foot: Vector;
  footColour: Colour;
  /** 1: the knee goes to the front; -1: to the back. */
  knee: number;
}

/** A leg from the hip to a foot, which stands on the ground at `rest` (the ankle's place) but for the pose. */
export function legParts(base: Base, hip: Vector, rest: Vector, foot: Foot, shape: LegShape): Part[] {
  const ankle = at(base.ground, add(rest, [foot.x, foot.y, 0]));
  const top = at(base.trunk, hip);
  const span = add(ankle, top, -1);
  const slack = Math.max(0, shape.length ** 2 - (span[0] ** 2 + span[1] ** 2 + span[2] ** 2));
  const bend = (shape.knee * Math.min(Math.sqrt(slack), 0.16)) / 2;
  const knee = add(scaled(add(ankle, top), 0.5), base.ground.axes[0], bend);
  const points = curve([top, knee, ankle]);
  const radii = smoothed(shape.radii);
  const depth = (points[3] as Vector)[2] + (shape.bias ?? 0);
  const sole = leaned({ origin: ankle, axes: base.ground.axes }, foot.tilt);
  const ball: Ball = { frame: moved(sole, [shape.foot[0] * 0.35, 0, 0]), radii: shape.foot };
  return [
    tube(points, radii, shape.colour, { depth, open: 0.3 }),
    solid([ball], shape.footColour, depth + 0.002),
  ];
}

export type Plan = (subject: Subject, palette: Palette, pose: Pose) => Skeleton;
