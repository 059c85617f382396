import type { SKRSContext2D } from "@napi-rs/canvas";
import { type Colour, ink, lighter } from "../colour.js";
import {
  add,
  at,
  type Ball,
  curve,
  direction,
  type Frame,
  grown,
  hull,
  leaned,
  moved,
  outlineOf,
  type Point,
  patch,
  project,
  rolled,
  turn,
  type Vector,
} from "../geometry.js";
import type { Pose } from "../pose.js";
import { edge, fill, line, type Part, polygon, shade, solid, tube } from "../puppet.js";
import type { Palette, Subject } from "../subject.js";
import { stroke } from "./face.js";
import type { Skeleton } from "./skeleton.js";

export function accessoryParts(subject: Subject, palette: Palette, skeleton: Skeleton, pose: Pose): Part[] {
  switch (subject.accessory) {
    case "none":
      return [];
    case "top hat":
      return topHat(palette.accessory, skeleton);
    case "crown":
      return [crown(palette, skeleton)];
    case "glasses":
      return [glasses(palette.accessory, skeleton)];
    case "scarf":
      return scarf(palette.accessory, skeleton, pose);
  }
}

/** On top of the head; y goes up. */
function crest({ head, ornament }: Skeleton, up: number): { frame: Frame; scale: number; depth: number } {
  const frame = rolled(leaned(head.frame, -0.1), 0.08);
  const scale = ornament * head.radii[1];
  return { frame: moved(frame, [0, scale * up, 0]), scale, depth: head.frame.origin[2] + 0.1 };
}

function topHat(colour: Colour, skeleton: Skeleton): Part[] {
  const { frame, scale, depth } = crest(skeleton, 0.84);
  const disc = (up: number, wide: number): Ball => ({
    frame: moved(frame, [0, scale * up, 0]),
    radii: [scale * wide, scale * 0.05, scale * wide],
  });
  const band = lighter([colour[0] + 180, 60, 75], 0);
  return [
    solid([disc(0, 0.86)], colour, depth),
    solid([disc(0.05, 0.52), disc(0.78, 0.58)], colour, depth + 0.001, (context) => {
      const shape = hull([...outlineOf(disc(0.04, 0.54)), ...outlineOf(disc(0.2, 0.56))]);
      fill(context, polygon(shape), band);
      fill(context, polygon(outlineOf(disc(0.78, 0.58))), lighter(colour, 10));
    }),
  ];
}

function crown({ accessory, main }: Palette, skeleton: Skeleton): Part {
  const { frame, scale, depth } = crest(skeleton, 0.8);
  const gold: Colour = main[0] > 20 && main[0] < 70 ? [200, 25, 84] : [45, 98, 57];
  const spikes = 6;
  const ring = (angle: number, up: number, wide: number): Vector =>
    at(frame, [scale * wide * Math.cos(angle), scale * up, scale * wide * Math.sin(angle)]);
  /** Half of the crown: its points zigzag between two angles. */
  const wall = (from: number): Point[] => {
    const top: Point[] = [];
    const low: Point[] = [];
    for (let i = 0; i <= spikes; i++) {
      const angle = from + (i / spikes) * (turn / 2);
      const peak = i % 2 === 1;
      top.push(project(ring(angle, peak ? 0.62 : 0.3, peak ? 0.68 : 0.6)));
      low.push(project(ring(angle, 0, 0.56)));
    }
    return [...top, ...low.reverse()];
  };
  const towards = Math.atan2(frame.axes[2][2], frame.axes[0][2]);
  return {
    depth,
    draw(context) {
      const [front, back] = [wall(towards - turn / 4), wall(towards + turn / 4)];
      const [frontPath, backPath] = [polygon(front), polygon(back)];
      edge(context, backPath, gold);
      edge(context, frontPath, gold);
      fill(context, backPath, lighter(gold, -22));
      fill(context, frontPath, gold);
      shade(context, frontPath, front, gold);
      for (const angle of [0, turn / 6, turn / 3, turn / 2, (2 * turn) / 3, (5 * turn) / 6]) {
        const outward = add(ring(angle, 0.15, 1), ring(angle, 0.15, 0), -1);
        if (outward[2] < 0.25 * scale) continue;
        const gem = {
          frame: { origin: ring(angle, 0.16, 0.58), axes: frame.axes },
          radii: [0.026, 0.03, 0.026] as const,
        };
        fill(context, polygon(outlineOf(gem, 16)), accessory);
      }
    },
  };
}

function glasses(colour: Colour, { head, face }: Skeleton): Part {
  const ball = grown(head, 1.07);
  return {
    depth: head.frame.origin[2] + 0.085,
    draw(context) {
      const rim = (side: number, size: number) =>
        patch(ball, direction(side * face.eyesApart, face.eyesUp), size, 0.96, 36);
      const temple = (side: number) =>
        stroke(
          context,
          ball,
          [0.95, 1.2, 1.45, 1.7, 1.9].map((angle) => direction(side * angle, face.eyesUp)),
          colour,
          0.04,
        );
      for (const side of [1, -1]) {
        temple(side);
        const shape = rim(side, 0.48);
        if (shape.length === 0) continue;
        const path = polygon(shape);
        fill(context, path, [200, 60, 96], 0.1);
        line(context, path, lighter(colour, -30), 0.056);
        line(context, path, colour, 0.036);
      }
      stroke(
        context,
        ball,
        [-0.08, 0, 0.08].map((angle) => direction(angle, face.eyesUp + 0.06)),
        colour,
        0.045,
      );
    },
  };
}

function scarf(colour: Colour, { neck, head, torso }: Skeleton, pose: Pose): Part[] {
  const { frame, radius } = neck;
  const depth = Math.min(head.frame.origin[2] + 0.045, torso.frame.origin[2] + 0.06);
  const light: Colour = [colour[0], 70, 88];
  const root: Vector = [radius * 0.45, -0.02, radius * 0.98];
  const loose = (length: number, drop: number, more: number) => {
    const blow = clampBlow(pose.trail);
    const points: Vector[] = [0, 0.35, 0.7, 1].map((share) => {
      const back = -blow * share * length * (0.8 + more);
      const down =
        -share * length * (1 - 0.75 * Math.abs(blow)) + pose.flutter * share * share * 0.09 + drop * share;
      return at(frame, [root[0] + back + 0.02 * share, root[1] + down, root[2] + 0.02 + 0.03 * share]);
    });
    return curve(points);
  };
  const radii = Array.from({ length: 13 }, (_, i) => 0.042 + 0.012 * (i / 12));
  const bound = neckDepth(frame, radius);
  return [
    { depth, draw: (context) => wrap(context, frame, radius, colour, light) },
    tube(loose(0.22, 0, 0.1), radii, lighter(colour, -6), {
      depth: bound + depth + 0.04,
      tip: { from: 0.75, colour: light },
    }),
    solid(
      [{ frame: { origin: at(frame, root), axes: frame.axes }, radii: [0.05, 0.05, 0.05] }],
      colour,
      bound + depth + 0.05,
    ),
  ];
}

/** Its front half: the body hides the rest. */
function wrap(context: SKRSContext2D, frame: Frame, radius: number, colour: Colour, light: Colour): void {
  const towards = Math.atan2(frame.axes[2][2], frame.axes[0][2]);
  const ring = (angle: number, up = 0, wide = 1): Point =>
    project(at(frame, [radius * wide * Math.cos(angle), up, radius * wide * Math.sin(angle)]));
  const arc = polygon(
    Array.from({ length: 17 }, (_, i) => ring(towards + (i / 16 - 0.5) * 2.9)),
    false,
  );
  line(context, arc, ink(colour), 0.15);
  line(context, arc, colour, 0.108);
  for (const x of [-0.84, -0.42, 0, 0.42, 0.84]) {
    const angle = towards + x * 1.35;
    line(context, polygon([ring(angle - 0.03, 0.026), ring(angle + 0.03, -0.026)], false), light, 0.05);
  }
}

const clampBlow = (trail: number) => Math.max(-0.9, Math.min(0.9, trail));

/** The knot hides behind the body where it is on the far side. */
function neckDepth(frame: Frame, radius: number): number {
  const knot = add(at(frame, [radius * 0.45, 0, radius]), frame.origin, -1);
  return knot[2] < 0 ? -0.6 : 0;
}
