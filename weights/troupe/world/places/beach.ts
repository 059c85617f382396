import { type Colour, css } from "../colour.js";
import { skies } from "../light.js";
import { type Backdrop, band, disc, gradient, repeat, type Stage } from "../stage.js";
import { clouds, randomOf, row, type Spot, sun } from "./elements.js";

const bright: Colour[] = [
  [352, 78, 62],
  [205, 80, 58],
  [45, 95, 60],
];

/** The sea's edge, with palms, sunshades or a boat. */
export function beach(seed: number): Backdrop {
  const random = randomOf("beach", seed);
  const puffs = row(random, 3, 1.8, [0.08, 0.24], [0.045, 0.07]);
  const tall = row(random, 2, 2.2, [0.76, 0.78], [0.9, 1.15]);
  const palms = random.next() < 0.6;
  const shells = row(random, 6, 1.8, [0.8, 0.98], [0.014, 0.022]);
  const boats = random.next() < 0.6 ? [{ x: random.between(0.1, 0.9) }] : [];
  const sunX = random.between(0.15, 0.85);
  return (stage) => {
    const { context, light, time } = stage;
    band(context, -0.2, 0.46, light === "own" ? skies.day : skies[light]);
    sun(stage, sunX, 0.065, {
      day: { y: 0.14, colour: [50, 98, 76] },
      sunset: { y: 0.36, colour: [26, 98, 68] },
    });
    clouds(stage, puffs, 0.9);
    const sea: Colour[] =
      light === "sunset"
        ? [
            [20, 70, 68],
            [205, 50, 55],
          ]
        : light === "overcast"
          ? [
              [205, 35, 52],
              [195, 38, 60],
            ]
          : [
              [208, 82, 54],
              [186, 72, 62],
            ];
    band(context, 0.45, 0.74, sea);
    context.fillStyle = css([0, 0, 100], 0.35);
    for (let i = 0; i < 5; i++) {
      const x =
        ((((i * 0.37 + 0.03 * Math.sin(time * 1.2 + i * 2) - stage.scroll * 0.2) % 1.5) + 1.5) % 1.5) - 0.25;
      disc(context, x, 0.5 + 0.034 * i, 0.09 + 0.01 * i, 0.005);
    }
    repeat(stage, 0.15, 1.8, boats, (_, x) => boat(stage, x));
    shore(stage, 0.7 + 0.012 * Math.sin(time * 1.8), [0, 0, 99]);
    shore(stage, 0.722 + 0.012 * Math.sin(time * 1.8), undefined);
    repeat(stage, 0.8, 2.2, tall, (spot, x) => (palms ? palm(stage, spot, x) : sunshade(stage, spot, x)));
    repeat(stage, 1, 1.8, shells, (spot, x) => shell(stage, spot, x));
  };
}

/** Foam or, without a colour, the sand below it. */
function shore(stage: Stage, level: number, foam: Colour | undefined): void {
  const { context, scroll, time, width } = stage;
  const pieces = Math.round(((width + 0.4) / 1.4) * 40);
  context.beginPath();
  context.moveTo(-0.2, 1.2);
  for (let i = 0; i <= pieces; i++) {
    const x = -0.2 + (i / pieces) * (width + 0.4);
    context.lineTo(x, level + 0.01 * Math.sin((x + scroll * 0.75) * 11 + Math.sin(time)));
  }
  context.lineTo(width + 0.2, 1.2);
  context.closePath();
  context.fillStyle = foam
    ? css(foam, 0.9)
    : gradient(
        context,
        [
          [40, 55, 74],
          [42, 72, 80],
          [38, 66, 70],
        ],
        0.7,
        1,
      );
  context.fill();
}

function boat({ context, time }: Stage, x: number): void {
  const y = 0.485 + 0.004 * Math.sin(time * 2);
  context.fillStyle = css([0, 0, 99]);
  context.beginPath();
  context.moveTo(x, y - 0.15);
  context.quadraticCurveTo(x + 0.1, y - 0.08, x + 0.09, y - 0.02);
  context.lineTo(x, y - 0.02);
  context.fill();
  context.fillStyle = css([352, 75, 56]);
  context.beginPath();
  context.moveTo(x - 0.075, y - 0.012);
  context.lineTo(x + 0.1, y - 0.012);
  context.quadraticCurveTo(x + 0.07, y + 0.03, x + 0.04, y + 0.03);
  context.lineTo(x - 0.03, y + 0.03);
  context.fill();
}

function palm({ context, time }: Stage, { y, size, kind }: Spot, x: number): void {
  const side = kind % 2 === 0 ? 1 : -1;
  const top = { x: x + side * 0.1 * size, y: y - 0.46 * size };
  context.strokeStyle = css([28, 42, 48]);
  context.lineWidth = 0.036 * size;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(x, y);
  context.quadraticCurveTo(x - side * 0.01, y - 0.26 * size, top.x, top.y);
  context.stroke();
  context.lineWidth = 0.042 * size;
  [-2.85, -2.3, -1.5, -0.8, -0.25].forEach((angle, i) => {
    const sway = angle + 0.05 * Math.sin(time * 1.5 + i + kind);
    const [dx, dy] = [Math.cos(sway) * 0.19 * size, Math.sin(sway) * 0.11 * size];
    context.strokeStyle = css([138 - i * 4, 48, 34 + i * 3]);
    context.beginPath();
    context.moveTo(top.x, top.y);
    context.quadraticCurveTo(top.x + dx * 0.7, top.y + dy * 1.3 - 0.03, top.x + dx, top.y + dy + 0.07 * size);
    context.stroke();
  });
}

function sunshade({ context }: Stage, { y, size, kind }: Spot, x: number): void {
  const [top, wide] = [y - 0.38 * size, 0.2 * size];
  context.fillStyle = css([30, 25, 92]);
  context.fillRect(x - 0.008, top, 0.016, y - top);
  const colour = bright[kind % bright.length] as Colour;
  const dome = (from: number, to: number, fill: Colour) => {
    context.fillStyle = css(fill);
    context.beginPath();
    context.moveTo(x, top - 0.06 * size);
    context.quadraticCurveTo(x + from * wide * 0.8, top - 0.05 * size, x + from * wide, top + 0.09 * size);
    context.lineTo(x + to * wide, top + 0.09 * size);
    context.quadraticCurveTo(x + to * wide * 0.8, top - 0.05 * size, x, top - 0.06 * size);
    context.fill();
  };
  dome(-1, 1, colour);
  dome(-0.56, -0.14, [0, 0, 98]);
  dome(0.22, 0.62, [0, 0, 98]);
}

function shell({ context }: Stage, { y, size, kind }: Spot, x: number): void {
  context.fillStyle = css(kind % 3 === 0 ? [14, 80, 78] : kind % 3 === 1 ? [30, 40, 94] : [340, 55, 82]);
  context.beginPath();
  context.arc(x, y, size, Math.PI, 0);
  context.quadraticCurveTo(x + size * 0.4, y + size * 0.8, x, y + size * 0.8);
  context.quadraticCurveTo(x - size * 0.4, y + size * 0.8, x - size, y);
  context.fill();
}
