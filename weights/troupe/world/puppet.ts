import { Path2D, type SKRSContext2D } from "@napi-rs/canvas";
import { type Colour, css, ink } from "./colour.js";
import { type Ball, hull, outlineOf, type Point, project, type Vector } from "./geometry.js";

/** Half of a line around a shape, in the units of bodies. */
export const lineWidth = 0.021;

/** Something to draw; what is nearer to the viewer is drawn later. */
export interface Part {
  depth: number;
  draw(context: SKRSContext2D): void;
}

export function polygon(points: readonly Point[], closed = true): Path2D {
  // Faster than a call for each point.
  return new Path2D(
    `M${points.map(([x, y]) => `${x.toFixed(4)} ${y.toFixed(4)}`).join("L")}${closed ? "Z" : ""}`,
  );
}

export function fill(context: SKRSContext2D, path: Path2D, colour: Colour, alpha = 1): void {
  context.fillStyle = css(colour, alpha);
  context.fill(path);
}

export function line(context: SKRSContext2D, path: Path2D, colour: Colour, width: number): void {
  context.strokeStyle = css(colour);
  context.lineWidth = width;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.stroke(path);
}

/** A line around a shape; what is within it gets covered. */
export function edge(context: SKRSContext2D, path: Path2D, colour: Colour): void {
  line(context, path, ink(colour), 2 * lineWidth);
}

/** Light from above on one side, and a darker rim on the other. */
export function shade(
  context: SKRSContext2D,
  path: Path2D,
  points: readonly Point[],
  colour: Colour,
  margin = 0,
): void {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const radius = Math.max(right - left, bottom - top) / 2 + margin;
  const gradient = context.createRadialGradient(
    x + 0.25 * radius,
    y - 0.45 * radius,
    0,
    x + 0.1 * radius,
    y - 0.15 * radius,
    1.2 * radius,
  );
  const dark: Colour = [colour[0] - 12, 60, 18];
  gradient.addColorStop(0, css([colour[0] + 15, 100, 96], 0.3));
  gradient.addColorStop(0.5, css([colour[0] + 15, 100, 90], 0.03));
  gradient.addColorStop(0.62, css(dark, 0.02));
  gradient.addColorStop(1, css(dark, 0.36));
  context.fillStyle = gradient;
  context.fill(path);
}

/** A ball or several that have grown together, with what `paint` draws on its surface. */
export function solid(
  balls: readonly Ball[],
  colour: Colour,
  depth: number,
  paint?: (context: SKRSContext2D) => void,
): Part {
  return {
    depth,
    draw(context) {
      const points =
        balls.length === 1 ? outlineOf(balls[0] as Ball) : hull(balls.flatMap((ball) => outlineOf(ball, 64)));
      const path = polygon(points);
      edge(context, path, colour);
      fill(context, path, colour);
      if (paint) {
        context.save();
        // What is painted on one ball ends where the ball does.
        if (balls.length > 1) context.clip(path);
        paint(context);
        context.restore();
      }
      shade(context, path, points, colour);
    },
  };
}

export interface TubeOptions {
  depth: number;
  /** Which share of it, at its beginning, has no line around it, so that it grows out of what is behind it. */
  open?: number;
  /** What its end, from a share of it on, is coloured with. */
  tip?: { from: number; colour: Colour };
  /** Neither a line nor a shade. */
  flat?: boolean;
}

/** A limb: round pieces along a line. */
export function tube(
  points: readonly Vector[],
  radii: readonly number[],
  colour: Colour,
  options: TubeOptions,
): Part {
  const { depth, open = 0, tip, flat = false } = options;
  const line = points.map(project);
  const pieces = (from: number) => limb(line, radii, Math.floor(from * (points.length - 1)));
  return {
    depth,
    draw(context) {
      const whole = pieces(0);
      if (!flat) edge(context, open === 0 ? whole : pieces(open), colour);
      fill(context, whole, colour);
      if (tip) fill(context, pieces(tip.from), tip.colour);
      if (!flat) shade(context, whole, line, colour, Math.max(...radii));
    },
  };
}

/** Discs along a line and what is between them, all turning the same way so that none cuts a hole into another. */
function limb(line: readonly Point[], radii: readonly number[], first: number): Path2D {
  const path = new Path2D();
  for (let i = first; i < line.length; i++) {
    const [[x, y], radius] = [line[i] as Point, radii[i] as number];
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
    const [toX, toY] = line[i + 1] ?? [x, y];
    const wide = radii[i + 1] ?? radius;
    const length = Math.hypot(toX - x, toY - y);
    if (length <= Math.abs(radius - wide) + 1e-4) continue;
    // Where a line touches both discs: this way from their centres, and mirrored.
    const [alongX, alongY] = [(toX - x) / length, (toY - y) / length];
    const sin = (radius - wide) / length;
    const cos = Math.sqrt(1 - sin * sin);
    const [leftX, leftY] = [alongX * sin + alongY * cos, alongY * sin - alongX * cos];
    const [rightX, rightY] = [alongX * sin - alongY * cos, alongY * sin + alongX * cos];
    path.moveTo(x + leftX * radius, y + leftY * radius);
    path.lineTo(toX + leftX * wide, toY + leftY * wide);
    path.lineTo(toX + rightX * wide, toY + rightY * wide);
    path.lineTo(x + rightX * radius, y + rightY * radius);
    path.closePath();
  }
  return path;
}

export function drawParts(context: SKRSContext2D, parts: readonly Part[]): void {
  for (const part of [...parts].sort((a, b) => a.depth - b.depth)) part.draw(context);
}
