import { type Colour, lighter } from "../colour.js";
import { add, at, curve, direction, moved, patch, rolled, surface, type Vector } from "../geometry.js";
import type { Pose } from "../pose.js";
import { fill, type Part, polygon, solid, tube } from "../puppet.js";
import type { Palette, Subject } from "../subject.js";
import type { Skeleton } from "./skeleton.js";

/** Two of them, or horns, or antennae; what is long and soft trails behind a motion. */
export function earParts(subject: Subject, palette: Palette, skeleton: Skeleton, pose: Pose): Part[] {
  return [1, -1].flatMap((side) => ear(subject, palette, skeleton, pose, side));
}

function ear(subject: Subject, { main, second }: Palette, { head, ornament }: Skeleton, pose: Pose, side: number): Part[] {
  const depth = head.frame.origin[2] + 0.055;
  const scale = ornament * head.radii[1];
  /** A line out of the head: lengths up, to the back and sideways. */
  const out = (ups: number[], backs: number[], sides: number[], root: number) => {
    const base = surface(head, direction(side * (Math.PI / 2 + 0.1), root));
    const points = ups.map((up, i): Vector => {
      const [back, out] = [backs[i] as number, sides[i] as number];
      const local = [-back * scale, up * scale, side * out * scale] as const;
      return add(base, add(at(head.frame, local), head.frame.origin, -1));
    });
    return curve(points);
  };
  const radii = (...values: number[]) => curve(values.map((value) => [value * scale, 0, 0] as const)).map(([value]) => value);
  const bend = pose.trail;
  const flap = pose.flutter;
  switch (subject.ears) {
    case "round": {
      const centre = surface(head, direction(side * (Math.PI / 2 + 0.12), 0.8));
      const frame = rolled({ origin: centre, axes: head.frame.axes }, side * 0.5);
      const ball = { frame: moved(frame, [0, scale * 0.12, 0]), radii: [scale * 0.22, scale * 0.42, scale * 0.42] as const };
      return [
        solid([ball], main, depth - 0.08, (context) => {
          const inner = patch(ball, direction(0.0, 0), 0.85);
          if (inner.length > 0) fill(context, polygon(inner), second);
        }),
      ];
    }
    case "pointed": {
      const points = out([-0.1, 0.3, 0.66], [0, 0.04 + bend * 0.06, 0.06 + bend * 0.2], [0, 0.06, 0.14], 0.82);
      const inner = points.map((point, i) => add(point, head.frame.axes[0], i < 6 ? scale * 0.08 : 0));
      return [
        tube(points, radii(0.34, 0.26, 0.05), main, { depth: depth - 0.08 }),
        unlined(inner.slice(1, 8), radii(0.2, 0.15, 0.03), second, depth - 0.079),
      ];
    }
    case "long": {
      const points = out(
        [-0.1, 0.5, 0.86 - 0.22 * Math.abs(bend) + flap * 0.1, 1.14 - 0.45 * Math.abs(bend) + flap * 0.25],
        [0, 0.05 + bend * 0.1, 0.12 + bend * 0.4, 0.16 + bend * 0.9],
        [0, 0.08, 0.2, 0.34 - flap * 0.1],
        0.95,
      );
      return [
        tube(points, radii(0.17, 0.22, 0.24, 0.14), main, { depth: depth - 0.08 }),
        unlined(points.slice(2, 12), radii(0.08, 0.12, 0.13, 0.07), second, depth - 0.079),
      ];
    }
    case "horns": {
      const points = out([-0.1, 0.22, 0.5, 0.78], [0, -0.02, 0.0, 0.06], [0, 0.2, 0.26, 0.16], 0.72);
      return [tube(points, radii(0.24, 0.2, 0.13, 0.05), [42, 60, 88], { depth: depth - 0.08 })];
    }
    case "antennae": {
      const points = out(
        [-0.1, 0.4, 0.75 + flap * 0.06, 0.95 + flap * 0.16],
        [0, -0.02 + bend * 0.1, -0.08 + bend * 0.4, -0.18 + bend * 0.8],
        [0, 0.08, 0.2, 0.34],
        1.0,
      );
      const tip = { origin: points.at(-1) as Vector, axes: head.frame.axes };
      return [
        tube(points, radii(0.06, 0.06, 0.055, 0.05), lighter(main, -12), { depth: depth - 0.08 }),
        solid([{ frame: tip, radii: [scale * 0.2, scale * 0.2, scale * 0.2] }], second, depth - 0.07),
      ];
    }
  }
}

function unlined(points: readonly Vector[], wide: readonly number[], colour: Colour, depth: number): Part {
  const radii = points.map((_, i) => wide[Math.round((i / (points.length - 1)) * (wide.length - 1))] as number);
  return tube(points, radii, colour, { depth, flat: true });
}

