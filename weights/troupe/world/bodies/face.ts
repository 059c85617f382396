import type { SKRSContext2D } from "@napi-rs/canvas";
import { type Colour, ink, lighter } from "../colour.js";
import {
  type Ball,
  direction,
  dot,
  moved,
  outlineOf,
  patch,
  project,
  surface,
  towardsViewer,
} from "../geometry.js";
import type { Pose } from "../pose.js";
import { fill, line, type Part, polygon, shade, solid } from "../puppet.js";
import type { Palette, Subject } from "../subject.js";
import { hornOf } from "./bird.js";
import type { Skeleton } from "./skeleton.js";

const white: Colour = [220, 30, 99];
const black: Colour = [255, 40, 11];
const blush: Colour = [350, 90, 62];

/** Eyes, cheeks, the mouth, and a snout or a beak. */
export function faceParts(subject: Subject, palette: Palette, skeleton: Skeleton, pose: Pose): Part[] {
  const { head, face } = skeleton;
  const depth = head.frame.origin[2] + 0.07;
  const parts: Part[] = [
    {
      depth,
      draw(context) {
        cheeks(context, head, face.eyesApart);
        for (const side of [1, -1]) eye(context, subject, palette, skeleton, pose, side);
        if (face.nose !== "beak")
          mouth(context, head, palette.main, face.nose === "none" ? -0.36 : -0.62, pose.mouth);
      },
    },
  ];
  if (face.nose === "snout") parts.push(...snout(subject, palette, head));
  if (face.nose === "beak") parts.push(...beak(palette, head, pose.mouth));
  return parts;
}

function cheeks(context: SKRSContext2D, head: Ball, apart: number): void {
  for (const side of [1, -1]) {
    const shape = patch(head, direction(side * (apart + 0.36), -0.3), 0.19);
    if (shape.length > 0) fill(context, polygon(shape), blush, 0.5);
  }
}

function eye(
  context: SKRSContext2D,
  subject: Subject,
  { main }: Palette,
  { head, face }: Skeleton,
  pose: Pose,
  side: number,
): void {
  const size = face.eye * subject.eyeSize;
  const way = direction(side * face.eyesApart, face.eyesUp);
  if (pose.eyesClosed) {
    const lid = [-1, -0.5, 0, 0.5, 1].map((x) =>
      direction(side * face.eyesApart + x * size * 0.9, face.eyesUp - 0.12 * (1 - x * x)),
    );
    stroke(context, head, lid, black, 0.03);
    return;
  }
  const outline = patch(head, way, size, 0.86);
  if (outline.length === 0) return;
  const path = polygon(outline);
  fill(context, path, white);
  // Towards where the body goes, which the head is turned from.
  const look = direction(side * face.eyesApart - 0.1, face.eyesUp - 0.03);
  const pupil = patch(head, look, size * 0.68, 0.92);
  if (pupil.length > 0) fill(context, polygon(pupil), black);
  const glint = patch(head, direction(side * face.eyesApart + 0.02, face.eyesUp + 0.13), size * 0.27);
  if (glint.length > 0) fill(context, polygon(glint), white);
  line(context, path, ink(main), 0.026);
}

/** A line on a ball, where it is seen. */
export function stroke(
  context: SKRSContext2D,
  ball: Ball,
  ways: ReturnType<typeof direction>[],
  colour: Colour,
  width: number,
): void {
  const viewer = towardsViewer(ball);
  const seen = ways.filter((way) => dot(way, viewer) > 0.05).map((way) => project(surface(ball, way)));
  if (seen.length > 1) line(context, polygon(seen, false), colour, width);
}

function mouth(context: SKRSContext2D, head: Ball, main: Colour, up: number, open: number): void {
  if (open > 0.5) {
    const shape = patch(head, direction(0, up), 0.1 + 0.12 * open, 1.15);
    if (shape.length === 0) return;
    line(context, polygon(shape), ink(main), 0.022);
    fill(context, polygon(shape), [352, 70, 38]);
    return;
  }
  const ways = [-1, -0.6, -0.2, 0.2, 0.6, 1].map((x) => direction(x * 0.24, up + 0.1 * x * x));
  stroke(context, head, ways, ink(main), 0.026);
}

function snout(subject: Subject, palette: Palette, head: Ball): Part[] {
  const colour = subject.pattern === "belly" ? palette.second : lighter(palette.main, 13);
  const scale = head.radii[0];
  const frame = moved(head.frame, [scale * 0.86, -scale * 0.3, 0]);
  const ball: Ball = { frame, radii: [scale * 0.34, scale * 0.27, scale * 0.42] };
  const seen = towardsViewer(head)[0] > -0.25;
  if (!seen) return [];
  const depth = head.frame.origin[2] + 0.08;
  return [
    {
      depth,
      draw(context) {
        const points = outlineOf(ball);
        const path = polygon(points);
        line(context, path, ink(palette.main), 0.018);
        fill(context, path, colour);
        shade(context, path, points, colour);
        const nose = patch(ball, direction(0, 0.5), 0.55, 1.25);
        if (nose.length > 0) fill(context, polygon(nose), black);
        const smile = [-1, -0.5, 0, 0.5, 1].map((x) => direction(x * 0.5, -0.38 + 0.2 * Math.abs(x)));
        stroke(context, ball, smile, ink(palette.main), 0.02);
      },
    },
  ];
}

function beak({ main }: Palette, head: Ball, open: number): Part[] {
  const colour = hornOf(main);
  const scale = head.radii[0];
  const seen = towardsViewer(head)[0];
  const depth = head.frame.origin[2] + (seen > -0.1 ? 0.08 : -0.05);
  const piece = (up: number, thick: number, drop: number): Ball[] => [
    {
      frame: moved(head.frame, [scale * 0.86, scale * up, 0]),
      radii: [scale * 0.16, scale * thick, scale * 0.3],
    },
    {
      frame: moved(head.frame, [scale * 1.42, scale * (up - drop), 0]),
      radii: [scale * 0.05, scale * 0.05, scale * 0.06],
    },
  ];
  const gap = 0.12 + 0.14 * Math.max(0, open - 0.35);
  return [
    solid(piece(-0.14 - gap, 0.13, 0.02), lighter(colour, -8), depth),
    solid(piece(-0.06, 0.17, 0.12), colour, depth + 0.001),
  ];
}
