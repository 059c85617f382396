import { at, clamp, curve, smoothed, type Vector } from "../geometry.js";
import type { Pose } from "../pose.js";
import { type Part, solid, tube } from "../puppet.js";
import type { Palette, Subject } from "../subject.js";
import type { Skeleton } from "./skeleton.js";

/** None, a puff, a long one that curls up, or a bushy one with a tip of the second colour. */
export function tailParts(
  subject: Subject,
  { main, second }: Palette,
  { tail }: Skeleton,
  pose: Pose,
): Part[] {
  const [swing, lift] = [pose.tailSwing, clamp(pose.tailLift, -1, 1)];
  const depth = tail.origin[2] - 0.04;
  /** Points that go back, up and sideways; the further out, the more they swing. */
  const line = (...points: Vector[]) =>
    curve(
      points.map(([back, up, side], i) => {
        const share = (i / (points.length - 1)) ** 1.5;
        return at(tail, [back, up + lift * share * 0.2, side + swing * share * 0.2]);
      }),
    );
  switch (subject.tail) {
    case "none":
      return [];
    case "puff": {
      const frame = { origin: at(tail, [0.05, 0.02 + lift * 0.03, swing * 0.03]), axes: tail.axes };
      return [solid([{ frame, radii: [0.09, 0.09, 0.09] }], second, depth)];
    }
    case "long": {
      const points = line([-0.03, 0, 0], [0.13, 0, 0], [0.25, 0.1, 0.02], [0.27, 0.27, 0.04]);
      return [
        tube(points, smoothed([0.04, 0.036, 0.036, 0.05]), main, {
          depth,
          tip: { from: 0.76, colour: second },
        }),
      ];
    }
    case "bushy": {
      const points = line([-0.04, 0, 0], [0.1, 0.02, 0], [0.22, 0.13, 0.02], [0.24, 0.33, 0.04]);
      return [
        tube(points, smoothed([0.045, 0.085, 0.12, 0.035]), main, {
          depth,
          tip: { from: 0.68, colour: second },
        }),
      ];
    }
  }
}
