import { type Colour, css } from "../colour.js";
import { type Backdrop, band, disc, glow, gradient, repeat, ridge, type Stage } from "../stage.js";
import { randomOf, rolling, row, type Spot, stars } from "./elements.js";

/** Grey dust and craters below a black sky with stars and a blue planet. */
export function moon(seed: number): Backdrop {
  const random = randomOf("moon", seed);
  const points = row(random, 22, 1.3, [0.02, 0.6], [0.005, 0.011]);
  const far = rolling(random, 1.1, 0.63, 0.045);
  const near = rolling(random, 1.5, 0.7, 0.02);
  const craters = row(random, 5, 1.9, [0.77, 0.97], [0.07, 0.12]);
  const holes = row(random, 3, 1.6, [0.69, 0.71], [0.05, 0.07]);
  const planet = {
    x: random.between(0.14, 0.86),
    y: random.between(0.14, 0.26),
    size: random.between(0.1, 0.14),
    kind: random.below(9),
  };
  const rocket = random.next() < 0.35 ? [{ x: random.between(0.1, 1.3) }] : [];
  return (stage) => {
    const { context } = stage;
    band(context, -0.2, 0.75, [
      [245, 50, 7],
      [252, 42, 13],
      [262, 36, 22],
    ]);
    stars(stage, points);
    globe(stage, planet);
    ridge(stage, 0.25, far, 1);
    context.fillStyle = gradient(
      context,
      [
        [245, 9, 46],
        [240, 9, 40],
      ],
      0.58,
      0.75,
    );
    context.fill();
    repeat(stage, 0.45, 1.6, rocket, (_, x) => ship(stage, x));
    ridge(stage, 0.6, near, 1.2);
    context.fillStyle = gradient(
      context,
      [
        [240, 8, 74],
        [240, 8, 66],
        [242, 9, 54],
      ],
      0.68,
      1,
    );
    context.fill();
    repeat(stage, 0.6, 1.6, holes, (spot, x) => crater(stage, { ...spot, y: spot.y + 0.04 }, x, 0.2));
    repeat(stage, 1, 1.9, craters, (spot, x) => crater(stage, spot, x, 0.3));
  };
}

function globe({ context }: Stage, { x, y, size, kind }: Spot): void {
  glow(context, x, y, size * 1.8, [205, 95, 70], 0.55);
  context.save();
  context.beginPath();
  context.arc(x, y, size, 0, 7);
  context.clip();
  context.fillStyle = css([206, 88, 62]);
  context.fillRect(x - size, y - size, 2 * size, 2 * size);
  context.fillStyle = css([130, 45, 54]);
  const shift = (kind / 9 - 0.5) * 0.4;
  disc(context, x + (shift - 0.35) * size, y - 0.3 * size, 0.5 * size, 0.34 * size);
  disc(context, x + (shift + 0.35) * size, y + 0.35 * size, 0.42 * size, 0.3 * size);
  context.fillStyle = css([0, 0, 100], 0.9);
  disc(context, x + 0.1 * size, y - 0.95 * size, 0.6 * size, 0.2 * size);
  disc(context, x - 0.3 * size, y + 0.12 * size, 0.5 * size, 0.1 * size);
  const night = context.createRadialGradient(x - 0.4 * size, y - 0.4 * size, size * 0.6, x, y, size * 1.1);
  night.addColorStop(0, css([235, 60, 12], 0));
  night.addColorStop(1, css([225, 70, 24], 0.45));
  context.fillStyle = night;
  context.fillRect(x - size, y - size, 2 * size, 2 * size);
  context.restore();
}

function crater({ context }: Stage, { y, size }: Spot, x: number, flat: number): void {
  const rim: Colour = [240, 10, 82];
  context.fillStyle = css(rim);
  disc(context, x, y + 0.006, size, size * flat);
  context.fillStyle = css([244, 9, 50]);
  disc(context, x, y, size * 0.94, size * flat * 0.86);
  context.fillStyle = css([244, 8, 58]);
  disc(context, x + 0.01, y + size * flat * 0.22, size * 0.8, size * flat * 0.6);
}

function ship({ context }: Stage, x: number): void {
  const y = 0.68;
  context.fillStyle = css([355, 75, 54]);
  context.beginPath();
  context.moveTo(x - 0.07, y);
  context.lineTo(x, y - 0.14);
  context.lineTo(x + 0.07, y);
  context.fill();
  context.fillStyle = css([220, 20, 93]);
  context.beginPath();
  context.moveTo(x, y - 0.3);
  context.bezierCurveTo(x + 0.075, y - 0.22, x + 0.055, y - 0.08, x + 0.035, y - 0.02);
  context.lineTo(x - 0.035, y - 0.02);
  context.bezierCurveTo(x - 0.055, y - 0.08, x - 0.075, y - 0.22, x, y - 0.3);
  context.fill();
  context.fillStyle = css([200, 80, 55]);
  disc(context, x, y - 0.17, 0.024);
}
