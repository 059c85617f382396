import { type Colour, css, lighter } from "../colour.js";
import { skies } from "../light.js";
import { type Backdrop, band, disc, gradient, repeat, ridge, type Stage } from "../stage.js";
import { clouds, randomOf, rolling, row, type Spot, sun } from "./elements.js";

const petals: Colour[] = [
  [0, 0, 100],
  [48, 98, 62],
  [330, 85, 78],
  [268, 60, 74],
];

/** Hills, trees and flowers. */
export function meadow(seed: number): Backdrop {
  const random = randomOf("meadow", seed);
  const far = rolling(random, 1.6, 0.55, 0.05);
  const near = rolling(random, 1.3, 0.63, 0.035);
  const puffs = row(random, 3, 1.8, [0.1, 0.3], [0.055, 0.085]);
  const trees = row(random, 2 + random.below(3), 2.0, [0.64, 0.67], [0.75, 1.15]);
  const flowers = row(random, 9, 1.8, [0.73, 0.985], [0.016, 0.024]);
  const sunX = random.between(0.12, 0.88);
  const kind = random.below(2);
  return (stage) => {
    const { context, light } = stage;
    band(context, -0.2, 0.7, light === "own" ? skies.day : skies[light]);
    sun(stage, sunX, 0.06, {
      day: { y: 0.16, colour: [50, 98, 76] },
      sunset: { y: 0.43, colour: [28, 98, 68] },
    });
    clouds(stage, puffs, 0.92);
    ridge(stage, 0.25, far, 1);
    context.fillStyle = gradient(
      context,
      [
        [128, 38, 63],
        [110, 42, 66],
      ],
      0.5,
      0.68,
    );
    context.fill();
    ridge(stage, 0.5, near, 1);
    context.fillStyle = gradient(
      context,
      [
        [104, 46, 60],
        [98, 48, 62],
      ],
      0.6,
      0.74,
    );
    context.fill();
    repeat(stage, 0.6, 2.0, trees, (spot, x) => tree(stage, spot, x, kind));
    band(context, 0.7, 1.2, [
      [92, 60, 68],
      [97, 55, 57],
      [102, 52, 48],
    ]);
    context.fillStyle = css([92, 60, 68]);
    repeat(stage, 0.85, 0.25, [{ x: 0 }], (_, x) => disc(context, x, 0.715, 0.16, 0.035));
    repeat(stage, 1, 1.8, flowers, (spot, x) => flower(stage, spot, x));
  };
}

function tree({ context, time }: Stage, { y, size, kind }: Spot, x: number, shape: number): void {
  const sway = 0.004 * Math.sin(time * 1.3 + kind);
  context.fillStyle = css([24, 42, 40]);
  context.fillRect(x - 0.018 * size, y - 0.12 * size, 0.036 * size, 0.2 * size);
  const green: Colour = [142 - (kind % 3) * 12, 42, 44];
  for (const [dx, dy, r] of shape === 0
    ? [
        [-0.06, -0.14, 0.085],
        [0.06, -0.15, 0.08],
        [0, -0.24, 0.1],
      ]
    : [
        [0, -0.13, 0.085],
        [0, -0.21, 0.075],
        [0, -0.28, 0.055],
      ]) {
    context.fillStyle = css(lighter(green, (dy as number) * -22));
    disc(context, x + (dx as number) * size + sway, y + (dy as number) * size, (r as number) * size);
  }
}

function flower({ context, time }: Stage, { y, size, kind }: Spot, x: number): void {
  const grown = size * (0.6 + (1.1 * (y - 0.7)) / 0.3) + 0.006;
  const sway = grown * 0.3 * Math.sin(time * 1.7 + kind);
  context.strokeStyle = css([112, 50, 36]);
  context.lineWidth = grown * 0.4;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + sway, y - grown * 2);
  context.stroke();
  context.fillStyle = css(petals[kind % petals.length] as Colour);
  for (let i = 0; i < 5; i++) {
    const angle = (i / 5) * 6.283;
    disc(
      context,
      x + sway + grown * 0.7 * Math.cos(angle),
      y - grown * 2 + grown * 0.7 * Math.sin(angle),
      grown * 0.55,
    );
  }
  context.fillStyle = css([42, 95, 55]);
  disc(context, x + sway, y - grown * 2, grown * 0.5);
}
