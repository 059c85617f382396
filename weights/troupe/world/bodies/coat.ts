import type { SKRSContext2D } from "@napi-rs/canvas";
import { Random } from "#ts/data/random.js";
import { type Colour, lighter } from "../colour.js";
import { type Ball, belt, type Direction, direction, dot, grown, patch, unit } from "../geometry.js";
import { fill, polygon } from "../puppet.js";
import type { Palette, Subject } from "../subject.js";
import type { Skeleton } from "./skeleton.js";

type Paint = (context: SKRSContext2D) => void;

/** What is on the trunk and on the head: the pattern. */
export function coat(subject: Subject, palette: Palette, skeleton: Skeleton): { torso: Paint; head: Paint } {
  const { head } = skeleton;
  switch (subject.pattern) {
    case "plain":
      return {
        torso() {},
        head: skeleton.face.nose === "snout" ? muzzle(head, lighter(palette.main, 13)) : () => {},
      };
    case "stripes":
      return { torso: stripes(skeleton, palette.second), head: headStripes(head, palette.second) };
    case "spots":
      return spots(subject, palette.second, skeleton);
    case "belly":
      return { torso: belly(skeleton, palette.second), head: muzzle(head, palette.second) };
  }
}

function paintAll(shapes: ReturnType<typeof patch>[], colour: Colour): Paint {
  return (context) => {
    for (const shape of shapes) if (shape.length > 0) fill(context, polygon(shape), colour);
  };
}

const muzzle = (head: Ball, colour: Colour) =>
  paintAll([patch(head, direction(0, -0.42), 0.72, 1.15)], colour);

const belly = ({ torso, belly: { way, angle } }: Skeleton, colour: Colour) =>
  paintAll([patch(torso, way, angle, 1, 40)], colour);

/** A fused body is wider than its balls between them; what is too much gets clipped. */
const coated = ({ torso, fused }: Skeleton): Ball => (fused ? grown(torso, 1.12) : torso);

function stripes(skeleton: Skeleton, colour: Colour): Paint {
  const heights = skeleton.stripeAxis === 0 ? [-0.66, -0.22, 0.22] : [-0.6, -0.12, 0.36];
  const ball = coated(skeleton);
  return paintAll(
    heights.map((height) => belt(ball, skeleton.stripeAxis, height - 0.1, height + 0.12)),
    colour,
  );
}

const headStripes = (head: Ball, colour: Colour) =>
  paintAll([belt(head, 0, -0.2, 0.02), belt(head, 0, -0.66, -0.44)], colour);

/** Large spots at even distances, turned at random; none in the face. */
function spots(subject: Subject, colour: Colour, skeleton: Skeleton): { torso: Paint; head: Paint } {
  const random = new Random("spots", subject.seed);
  const shift = random.next();
  const ways = (count: number): Direction[] =>
    Array.from({ length: count }, (_, i) => {
      const up = 1 - (2 * (i + 0.5)) / count;
      return unit([...direction(2.4 * i + 6.3 * shift, Math.asin(up))]);
    });
  const front = direction(0.1, 0);
  const torso = ways(15).map((way) => patch(coated(skeleton), way, random.between(0.27, 0.36)));
  const head = ways(12)
    .filter((way) => dot(way, front) < 0.45)
    .map((way) => patch(skeleton.head, way, random.between(0.24, 0.31)));
  return { torso: paintAll(torso, colour), head: paintAll(head, colour) };
}
