/** Forward, up and to the near side for a subject; right, up and towards the viewer for the camera. */
export type Vector = readonly [number, number, number];
export type Point = readonly [x: number, y: number];

/** An origin and three orthogonal axes, which squashing makes longer or shorter than 1. */
export interface Frame {
  readonly origin: Vector;
  readonly axes: readonly [Vector, Vector, Vector];
}

/** An ellipsoid around a frame's origin. */
export interface Ball {
  readonly frame: Frame;
  readonly radii: Vector;
}

/** A way on the unit sphere that a ball was. */
export type Direction = Vector;

export const turn = 2 * Math.PI;
export const degrees = Math.PI / 180;

export const add = (a: Vector, b: Vector, by = 1): Vector => [
  a[0] + by * b[0],
  a[1] + by * b[1],
  a[2] + by * b[2],
];
export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const scaled = (a: Vector, by: number): Vector => [a[0] * by, a[1] * by, a[2] * by];
export const unit = (a: Vector): Vector => scaled(a, 1 / (Math.hypot(...a) || 1));
export const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const mix = (a: number, b: number, share: number): number => a + (b - a) * share;
export const clamp = (value: number, least = 0, most = 1): number => Math.min(most, Math.max(least, value));
/** 0 to 1 with no jerk at the ends. */
export const smooth = (share: number): number => {
  const x = clamp(share);
  return x * x * (3 - 2 * x);
};
/** The part after the point, of negative numbers, too. */
export const fraction = (value: number): number => value - Math.floor(value);

export const world: Frame = {
  origin: [0, 0, 0],
  axes: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
};

/** Where coordinates within a frame lie outside of it. */
export function at({ origin, axes }: Frame, [x, y, z]: Vector): Vector {
  return add(add(add(origin, axes[0], x), axes[1], y), axes[2], z);
}

export function moved(frame: Frame, by: Vector): Frame {
  return { origin: at(frame, by), axes: frame.axes };
}

function rotated({ origin, axes }: Frame, first: 0 | 1 | 2, second: 0 | 1 | 2, angle: number): Frame {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [a, b] = [axes[first], axes[second]];
  // Axes may differ in length: what turns are directions.
  const [la, lb] = [Math.hypot(...a), Math.hypot(...b)];
  const turned = [...axes] as [Vector, Vector, Vector];
  turned[first] = add(scaled(a, cos), b, (sin * la) / lb);
  turned[second] = add(scaled(b, cos), a, (-sin * lb) / la);
  return { origin, axes: turned };
}

/** Bends forward: up goes to the front. */
export const leaned = (frame: Frame, angle: number): Frame => rotated(frame, 0, 1, -angle);
/** Turns the front to the near side. */
export const yawed = (frame: Frame, angle: number): Frame => rotated(frame, 0, 2, angle);
/** Tilts up to the near side. */
export const rolled = (frame: Frame, angle: number): Frame => rotated(frame, 1, 2, angle);

export function stretched({ origin, axes: [x, y, z] }: Frame, [sx, sy, sz]: Vector): Frame {
  return { origin, axes: [scaled(x, sx), scaled(y, sy), scaled(z, sz)] };
}

/** What the viewer sees of a point: y goes down. */
export const project = ([x, y]: Vector): Point => [x, -y];

/** From the front: `side` goes to the near side and `up` upwards, in radians. */
export function direction(side: number, up: number): Direction {
  return [Math.cos(up) * Math.cos(side), Math.sin(up), Math.cos(up) * Math.sin(side)];
}

export function surface({ frame, radii }: Ball, way: Direction): Vector {
  return at(frame, [radii[0] * way[0], radii[1] * way[1], radii[2] * way[2]]);
}

export function grown({ frame, radii }: Ball, by: number): Ball {
  return { frame, radii: scaled(radii, by) };
}

/** The way to the viewer on the unit sphere that a ball was: its outline is what is orthogonal to it. */
export function towardsViewer({ frame: { axes }, radii }: Ball): Direction {
  const part = (i: 0 | 1 | 2) => axes[i][2] / (radii[i] * dot(axes[i], axes[i]));
  return unit([part(0), part(1), part(2)]);
}

/** A ball's outline: an ellipse, as points. */
export function outlineOf(ball: Ball, count = 48): Point[] {
  const viewer = towardsViewer(ball);
  const [a, b] = tangents(viewer);
  return Array.from({ length: count }, (_, i) => {
    const angle = (i / count) * turn;
    return project(surface(ball, add(scaled(a, Math.cos(angle)), b, Math.sin(angle))));
  });
}

/** Two ways that are orthogonal to `way` and to one another. */
export function tangents(way: Direction): [Direction, Direction] {
  const first = unit(cross(way, Math.abs(way[1]) < 0.9 ? [0, 1, 0] : [1, 0, 0]));
  return [first, cross(way, first)];
}

/**
 * What is seen of a round patch on a ball, `angle` around `way`: its outline, or nothing where it is on the far side.
 * The patch has to be smaller than a half of the ball.
 */
export function patch(ball: Ball, way: Direction, angle: number, widen = 1, count = 28): Point[] {
  const viewer = towardsViewer(ball);
  if (dot(viewer, way) < -Math.sin(angle * Math.max(1, widen))) return [];
  const [a, b] = tangents(way);
  return Array.from({ length: count }, (_, i) => {
    const around = (i / count) * turn;
    const side = add(
      scaled(a, Math.sin(angle * widen) * Math.cos(around)),
      b,
      Math.sin(angle) * Math.sin(around),
    );
    const edge = unit(add(side, way, Math.cos(angle)));
    const facing = dot(edge, viewer);
    return project(surface(ball, facing >= 0 ? edge : unit(add(edge, viewer, -facing))));
  });
}

/** What is seen of a belt around a ball's axis, between two heights on the unit sphere. */
export function belt(ball: Ball, axis: 0 | 1 | 2, low: number, high: number): Point[] {
  const viewer = towardsViewer(ball);
  const [a, b] = [((axis + 1) % 3) as 0 | 1 | 2, ((axis + 2) % 3) as 0 | 1 | 2];
  const middle = Math.atan2(viewer[b], viewer[a]);
  const across = Math.hypot(viewer[a], viewer[b]);
  const arc = (height: number): Point[] => {
    const round = Math.sqrt(Math.max(0, 1 - height * height));
    const reach = Math.acos(clamp((-height * viewer[axis]) / (round * across || 1e-9), -1, 1));
    return Array.from({ length: 25 }, (_, i) => {
      const angle = middle + reach * (i / 12 - 1);
      const way: [number, number, number] = [0, 0, 0];
      way[axis] = height;
      way[a] = round * Math.cos(angle);
      way[b] = round * Math.sin(angle);
      return project(surface(ball, way));
    });
  };
  return [...arc(low), ...arc(high).reverse()];
}

/** The smallest convex shape around points (Andrew's monotone chain). */
export function hull(points: Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: Point[]) => {
    const chain: Point[] = [];
    for (const point of ordered) {
      while (chain.length > 1 && !leftTurn(chain.at(-2) as Point, chain.at(-1) as Point, point)) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

const leftTurn = (a: Point, b: Point, c: Point): boolean =>
  (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0;

/** A smooth line through points (Catmull-Rom), with `steps` pieces between two of them. */
export function curve(points: readonly Vector[], steps = 4): Vector[] {
  const result: Vector[] = [];
  const point = (i: number) => points[clamp(i, 0, points.length - 1)] as Vector;
  for (let i = 0; i < points.length - 1; i++) {
    for (let k = 0; k < steps; k++)
      result.push(between(point(i - 1), point(i), point(i + 1), point(i + 2), k / steps));
  }
  result.push(point(points.length - 1));
  return result;
}

/** The same of numbers: as many as `curve` gives points. */
export function smoothed(values: readonly number[]): number[] {
  return curve(values.map((value) => [value, 0, 0])).map(([value]) => value);
}

function between(a: Vector, b: Vector, c: Vector, d: Vector, t: number): Vector {
  const part = (i: 0 | 1 | 2) =>
    0.5 *
    (2 * b[i] +
      (c[i] - a[i]) * t +
      (2 * a[i] - 5 * b[i] + 4 * c[i] - d[i]) * t * t +
      (3 * b[i] - a[i] - 3 * c[i] + d[i]) * t * t * t);
  return [part(0), part(1), part(2)];
}
