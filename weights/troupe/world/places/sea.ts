import { type Colour, css, lighter } from "../colour.js";
import { type Backdrop, band, disc, gradient, repeat, ridge, type Stage } from "../stage.js";
import { randomOf, rolling, row, type Spot } from "./elements.js";

const corals: Colour[] = [
  [345, 72, 60],
  [18, 85, 62],
  [292, 48, 58],
];

/** The sea's floor: shafts of light, weeds, corals, fish and bubbles. */
export function sea(seed: number): Backdrop {
  const random = randomOf("sea", seed);
  const far = rolling(random, 1.5, 0.62, 0.06);
  const shafts = row(random, 4, 1.3, [0.5, 0.8], [0.05, 0.1]);
  const weeds = row(random, 4 + random.below(3), 1.9, [0.76, 0.8], [0.75, 1.25]);
  const reef = row(random, 3, 1.9, [0.77, 0.8], [0.8, 1.2]);
  const pebbles = row(random, 5, 1.8, [0.85, 0.98], [0.016, 0.03]);
  const bubbles = row(random, 9, 1.4, [0, 1], [0.009, 0.018]);
  const shoal = random.next() < 0.7 ? row(random, 3, 1.4, [0.16, 0.44], [0.03, 0.045]) : [];
  return (stage) => {
    const { context, time } = stage;
    band(context, -0.2, 0.85, [
      [186, 70, 62],
      [200, 76, 46],
      [216, 72, 34],
    ]);
    for (const { x, y, size, kind } of shafts) shaft(stage, x + 0.02 * Math.sin(time * 0.8 + kind), y, size);
    ridge(stage, 0.3, far, 1);
    context.fillStyle = gradient(
      context,
      [
        [208, 60, 36],
        [214, 55, 30],
      ],
      0.55,
      0.8,
    );
    context.fill();
    repeat({ ...stage, scroll: stage.scroll - time * 0.25 }, 0.3, 1.4, shoal, (spot, x) =>
      fish(stage, spot, x),
    );
    repeat(stage, 0.75, 1.9, weeds, (spot, x) => weed(stage, spot, x));
    repeat(stage, 0.8, 1.9, reef, (spot, x) => coral(stage, spot, x));
    context.fillStyle = css([44, 44, 66]);
    repeat(stage, 0.85, 0.4, [{ x: 0 }], (_, x) => disc(context, x, 0.795, 0.27, 0.035));
    band(context, 0.795, 1.2, [
      [44, 44, 66],
      [40, 40, 56],
      [34, 34, 42],
    ]);
    repeat(stage, 1, 1.8, pebbles, ({ y, size, kind }, x) => {
      context.fillStyle = css([kind % 2 === 0 ? 210 : 30, 20, 62]);
      disc(context, x, y, size * 1.3, size * 0.8);
    });
    repeat(stage, 0.6, 1.4, bubbles, (spot, x) => rise(stage, spot, x));
  };
}

function shaft({ context }: Stage, x: number, reach: number, size: number): void {
  const made = context.createLinearGradient(0, -0.1, 0, reach + 0.1);
  made.addColorStop(0, css([180, 80, 90], 0.42));
  made.addColorStop(1, css([180, 80, 90], 0));
  context.fillStyle = made;
  context.beginPath();
  context.moveTo(x - size, -0.2);
  context.lineTo(x + size, -0.2);
  context.lineTo(x + size * 1.2 - 0.2, reach + 0.1);
  context.lineTo(x - size * 1.9 - 0.2, reach + 0.1);
  context.fill();
}

function weed({ context, time }: Stage, { y, size, kind }: Spot, x: number): void {
  context.lineCap = "round";
  for (const [shift, high] of [
    [-0.045, 0.24],
    [0, 0.36],
    [0.045, 0.2],
  ] as const) {
    const top = y - high * size;
    const sway = 0.035 * Math.sin(time * 1.6 + kind + shift * 30);
    context.strokeStyle = css([150 + (kind % 3) * 12, 55, 34 + high * 20]);
    context.lineWidth = 0.034 * size;
    context.beginPath();
    context.moveTo(x + shift * size, y + 0.03);
    context.bezierCurveTo(
      x + shift * size - 0.04,
      y - high * size * 0.35,
      x + shift * size + 0.04 + sway,
      y - high * size * 0.65,
      x + shift * size + sway * 1.6,
      top,
    );
    context.stroke();
  }
}

function coral({ context }: Stage, { y, size, kind }: Spot, x: number): void {
  const colour = corals[kind % corals.length] as Colour;
  if (kind % 2 === 0) {
    context.strokeStyle = css(colour);
    context.lineCap = "round";
    for (const [dx, high, wide] of [
      [-0.07, 0.13, 0.032],
      [-0.02, 0.2, 0.036],
      [0.04, 0.15, 0.034],
      [0.085, 0.09, 0.03],
    ] as const) {
      context.lineWidth = wide * size;
      context.beginPath();
      context.moveTo(x, y + 0.03);
      context.quadraticCurveTo(x + dx * 0.7 * size, y - 0.02, x + dx * size, y - high * size);
      context.stroke();
    }
    return;
  }
  context.fillStyle = css(lighter(colour, -6));
  disc(context, x, y, 0.095 * size, 0.085 * size);
  context.fillStyle = css(lighter(colour, 8));
  disc(context, x - 0.02 * size, y - 0.028 * size, 0.05 * size, 0.035 * size);
}

function fish({ context, time }: Stage, { y, size, kind }: Spot, x: number): void {
  const up = y + 0.01 * Math.sin(time * 2 + kind);
  context.fillStyle = css(kind % 2 === 0 ? [40, 85, 64] : [190, 45, 74], 0.9);
  context.beginPath();
  context.ellipse(x, up, size, size * 0.55, 0, 0, 7);
  context.moveTo(x - size * 0.7, up);
  context.lineTo(x - size * 1.6, up - size * 0.55);
  context.lineTo(x - size * 1.6, up + size * 0.55);
  context.fill();
  context.fillStyle = css([220, 40, 18]);
  disc(context, x + size * 0.5, up - size * 0.1, size * 0.14);
}

function rise({ context, time }: Stage, { y, size, kind }: Spot, x: number): void {
  const up = 1.1 - ((y + time * (0.12 + size * 3)) % 1.2);
  bubble(context, x + 0.015 * Math.sin(time * 2 + kind), up, size, 0.75);
}

export function bubble(context: Stage["context"], x: number, y: number, size: number, alpha: number): void {
  context.fillStyle = css([190, 80, 92], alpha * 0.4);
  disc(context, x, y, size);
  context.strokeStyle = css([190, 80, 96], alpha);
  context.lineWidth = size * 0.3;
  context.beginPath();
  context.arc(x, y, size, 0, 7);
  context.stroke();
}
