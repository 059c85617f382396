import { type Colour, css } from "../colour.js";
import type { LightName } from "../light.js";
import { type Backdrop, band, disc, gradient, repeat, ridge, type Stage } from "../stage.js";
import { randomOf, rolling, row, type Spot, sun } from "./elements.js";

const skies: Record<LightName, Colour[]> = {
  day: [
    [206, 62, 72],
    [200, 55, 90],
  ],
  sunset: [
    [255, 40, 66],
    [335, 60, 80],
    [30, 85, 82],
  ],
  overcast: [
    [218, 22, 66],
    [214, 22, 82],
  ],
  own: [
    [206, 62, 72],
    [200, 55, 90],
  ],
};

/** White hills with firs, and snow that falls. */
export function snow(seed: number): Backdrop {
  const random = randomOf("snow", seed);
  const peaks = row(random, 3, 1.7, [0.58, 0.6], [0.26, 0.38]);
  const near = rolling(random, 1.4, 0.66, 0.03);
  const firs = row(random, 3 + random.below(3), 2.0, [0.66, 0.71], [0.8, 1.25]);
  const flakes = row(random, 26, 1.5, [0, 1.2], [0.007, 0.013]);
  const men = random.next() < 0.4 ? [{ x: random.between(0.1, 1.5) }] : [];
  const sunX = random.between(0.15, 0.85);
  return (stage) => {
    const { context, light } = stage;
    band(context, -0.2, 0.72, skies[light]);
    sun(stage, sunX, 0.05, {
      day: { y: 0.15, colour: [52, 90, 86] },
      sunset: { y: 0.4, colour: [28, 98, 70] },
    });
    repeat(stage, 0.15, 1.7, peaks, (spot, x) => peak(stage, spot, x));
    ridge(stage, 0.5, near, 1);
    context.fillStyle = gradient(
      context,
      [
        [206, 50, 90],
        [212, 42, 84],
      ],
      0.6,
      0.76,
    );
    context.fill();
    repeat(stage, 0.6, 2.0, firs, (spot, x) => fir(stage, spot, x));
    repeat(stage, 0.62, 2.0, men, (_, x) => snowman(stage, x));
    context.fillStyle = css([204, 55, 96]);
    repeat(stage, 0.85, 0.35, [{ x: 0 }], (_, x) => disc(context, x, 0.745, 0.24, 0.05));
    band(context, 0.745, 1.2, [
      [204, 55, 96],
      [210, 48, 90],
      [216, 46, 82],
    ]);
    fall(stage, flakes);
  };
}

function peak({ context }: Stage, { y, size }: Spot, x: number): void {
  const mountain = (share: number, colour: Colour) => {
    context.fillStyle = css(colour);
    context.beginPath();
    context.moveTo(x, y - size);
    context.lineTo(x + size * 0.95 * share, y - size * (1 - share));
    if (share < 1) {
      context.lineTo(x + size * 0.12, y - size * 0.68);
      context.lineTo(x - size * 0.08, y - size * 0.58);
    }
    context.lineTo(x - size * 0.95 * share, y - size * (1 - share));
    context.fill();
  };
  mountain(1, [216, 32, 72]);
  mountain(0.36, [210, 50, 97]);
}

function fir({ context }: Stage, { y, size, kind }: Spot, x: number): void {
  context.fillStyle = css([20, 35, 34]);
  context.fillRect(x - 0.014 * size, y - 0.05 * size, 0.028 * size, 0.07 * size);
  [0, 1, 2].forEach((i) => {
    const [base, wide, high] = [y - (0.03 + 0.085 * i) * size, (0.11 - 0.024 * i) * size, 0.14 * size];
    const layer = (colour: Colour, from: number) => {
      context.fillStyle = css(colour);
      context.beginPath();
      context.moveTo(x, base - high);
      context.lineTo(x + wide * from, base - high * (1 - from));
      context.quadraticCurveTo(
        x,
        base - high * (1 - from) + 0.025 * size,
        x - wide * from,
        base - high * (1 - from),
      );
      context.fill();
    };
    layer([168 - (kind % 3) * 6, 34, 34 + 3 * i], 1);
    layer([205, 60, 97], 0.52);
  });
}

function snowman({ context }: Stage, x: number): void {
  for (const [y, r] of [
    [0.7, 0.065],
    [0.605, 0.047],
    [0.535, 0.034],
  ] as const) {
    context.fillStyle = css([215, 40, 84]);
    disc(context, x, y, r + 0.005);
    context.fillStyle = css([205, 60, 98]);
    disc(context, x - 0.003, y - 0.003, r);
  }
  context.fillStyle = css([240, 20, 18]);
  disc(context, x - 0.012, 0.528, 0.006);
  disc(context, x + 0.012, 0.528, 0.006);
  context.fillStyle = css([24, 95, 55]);
  context.beginPath();
  context.moveTo(x, 0.534);
  context.lineTo(x + 0.045, 0.543);
  context.lineTo(x, 0.548);
  context.fill();
}

function fall(stage: Stage, flakes: readonly Spot[]): void {
  const { context, time } = stage;
  context.fillStyle = css([0, 0, 100], 0.92);
  repeat(stage, 0.5, 1.5, flakes, ({ y, size, kind }, x) => {
    const fallen = (y + time * (0.1 + size * 6)) % 1.2;
    disc(context, x + 0.02 * Math.sin(time * 1.4 + kind), fallen - 0.1, size);
  });
}
