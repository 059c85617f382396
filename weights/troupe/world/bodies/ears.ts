import { type Colour, lighter } from "../colour.js";
import {
  add,
  at,
  type Ball,
  curve,
  direction,
  moved,
  patch,
  rolled,
  smoothed,
  surface,
  type Vector,
} from "../geometry.js";
import type { Pose } from "../pose.js";
import { fill, type Part, polygon, solid, tube } from "../puppet.js";
import type { Palette, Subject } from "../subject.js";
import type { Skeleton } from "./skeleton.js";

/** Where an ear belongs. Lengths are in units of `scale`. */
interface Side {
  head: Ball;
  /** 1: near; -1: far. */
  side: number;
  scale: number;
  depth: number;
  palette: Palette;
  /** How far what is soft bends to the back, and upwards. */
  bend: number;
  flap: number;
}

const kinds: Record<Subject["ears"], (side: Side) => Part[]> = { round, pointed, long, horns, antennae };

/** Two of them, or horns, or antennae; what is long and soft trails behind a motion. */
export function earParts(
  subject: Subject,
  palette: Palette,
  { head, ornament }: Skeleton,
  pose: Pose,
): Part[] {
  return [1, -1].flatMap((side) =>
    kinds[subject.ears]({
      head,
      side,
      scale: ornament * head.radii[1],
      depth: head.frame.origin[2] - 0.025,
      palette,
      bend: pose.trail,
      flap: pose.flutter,
    }),
  );
}

/** A line out of the head, from a height on it: lengths up, to the back and sideways. */
function outwards({ head, side, scale }: Side, root: number, ways: readonly Vector[]): Vector[] {
  const base = surface(head, direction(side * (Math.PI / 2 + 0.1), root));
  const points = ways.map(([up, back, out]) => {
    const local = [-back * scale, up * scale, side * out * scale] as const;
    return add(base, add(at(head.frame, local), head.frame.origin, -1));
  });
  return curve(points);
}

const radiiOf = ({ scale }: Side, ...values: number[]): number[] =>
  smoothed(values.map((value) => value * scale));

function round({ head, side, scale, depth, palette }: Side): Part[] {
  const centre = surface(head, direction(side * (Math.PI / 2 + 0.12), 0.8));
  const frame = rolled({ origin: centre, axes: head.frame.axes }, side * 0.5);
  const ball: Ball = {
    frame: moved(frame, [0, scale * 0.12, 0]),
    radii: [scale * 0.22, scale * 0.42, scale * 0.42],
  };
  return [
    solid([ball], palette.main, depth, (context) => {
      const inner = patch(ball, direction(0, 0), 0.85);
      if (inner.length > 0) fill(context, polygon(inner), palette.second);
    }),
  ];
}

function pointed(ear: Side): Part[] {
  const { head, scale, depth, palette, bend } = ear;
  const points = outwards(ear, 0.82, [
    [-0.1, 0, 0],
    [0.3, 0.04 + bend * 0.06, 0.06],
    [0.66, 0.06 + bend * 0.2, 0.14],
  ]);
  const inner = points.map((point, i) => add(point, head.frame.axes[0], i < 6 ? scale * 0.08 : 0));
  return [
    tube(points, radiiOf(ear, 0.34, 0.26, 0.05), palette.main, { depth }),
    lining(inner.slice(1, 8), radiiOf(ear, 0.2, 0.15, 0.03), palette.second, depth),
  ];
}

function long(ear: Side): Part[] {
  const { depth, palette, bend, flap } = ear;
  const points = outwards(ear, 0.95, [
    [-0.1, 0, 0],
    [0.5, 0.05 + bend * 0.1, 0.08],
    [0.86 - 0.22 * Math.abs(bend) + flap * 0.1, 0.12 + bend * 0.4, 0.2],
    [1.14 - 0.45 * Math.abs(bend) + flap * 0.25, 0.16 + bend * 0.9, 0.34 - flap * 0.1],
  ]);
  return [
    tube(points, radiiOf(ear, 0.17, 0.22, 0.24, 0.14), palette.main, { depth }),
    lining(points.slice(2, 12), radiiOf(ear, 0.08, 0.12, 0.13, 0.07), palette.second, depth),
  ];
}

function horns(ear: Side): Part[] {
  const points = outwards(ear, 0.72, [
    [-0.1, 0, 0],
    [0.22, -0.02, 0.2],
    [0.5, 0, 0.26],
    [0.78, 0.06, 0.16],
  ]);
  return [tube(points, radiiOf(ear, 0.24, 0.2, 0.13, 0.05), [42, 60, 88], { depth: ear.depth })];
}

function antennae(ear: Side): Part[] {
  const { head, scale, depth, palette, bend, flap } = ear;
  const points = outwards(ear, 1, [
    [-0.1, 0, 0],
    [0.4, -0.02 + bend * 0.1, 0.08],
    [0.75 + flap * 0.06, -0.08 + bend * 0.4, 0.2],
    [0.95 + flap * 0.16, -0.18 + bend * 0.8, 0.34],
  ]);
  const tip = { origin: points.at(-1) as Vector, axes: head.frame.axes };
  return [
    tube(points, radiiOf(ear, 0.06, 0.06, 0.055, 0.05), lighter(palette.main, -12), { depth }),
    solid([{ frame: tip, radii: [scale * 0.2, scale * 0.2, scale * 0.2] }], palette.second, depth + 0.01),
  ];
}

/** The inside of an ear, on it and without a line around it. */
function lining(points: readonly Vector[], wide: readonly number[], colour: Colour, depth: number): Part {
  const radii = points.map(
    (_, i) => wide[Math.round((i / (points.length - 1)) * (wide.length - 1))] as number,
  );
  return tube(points, radii, colour, { depth: depth + 0.001, flat: true });
}
