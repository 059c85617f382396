import { type Colour, css, lighter } from "../colour.js";
import { type Backdrop, band, disc, glow, repeat, type Stage } from "../stage.js";
import { randomOf, row, type Spot, stars } from "./elements.js";

const neon: Colour[] = [
  [322, 95, 64],
  [186, 95, 60],
  [48, 98, 62],
  [268, 90, 70],
];

/** A street at night: lit windows and neon signs. */
export function city(seed: number): Backdrop {
  const random = randomOf("city", seed);
  const far = row(random, 7, 2.1, [0.26, 0.44], [0.24, 0.32]);
  const near = row(random, 5, 2.1, [0.14, 0.36], [0.3, 0.4]);
  const lamps = row(random, 2, 2.0, [0.73, 0.73], [0.9, 1]);
  const points = row(random, 12, 1.2, [0.02, 0.25], [0.004, 0.008]);
  const moonX = random.between(0.15, 0.85);
  return (stage) => {
    const { context } = stage;
    band(context, -0.2, 0.76, [
      [240, 52, 17],
      [258, 48, 28],
      [300, 42, 42],
    ]);
    stars(stage, points);
    glow(context, moonX, 0.13, 0.2, [50, 80, 85], 0.5);
    context.fillStyle = css([50, 75, 90]);
    disc(context, moonX, 0.13, 0.06);
    repeat(stage, 0.25, 2.1, far, (spot, x) => house(stage, spot, x, [256, 34, 30], 0.5));
    repeat(stage, 0.55, 2.1, near, (spot, x) => house(stage, spot, x, [248, 36, 20], 1));
    street(stage);
    repeat(stage, 0.85, 2.0, lamps, (spot, x) => lamp(stage, spot, x));
  };
}

function house(stage: Stage, { y, size, kind }: Spot, x: number, colour: Colour, lit: number): void {
  const { context, time } = stage;
  context.fillStyle = css(lighter(colour, (kind % 3) * 2));
  context.beginPath();
  context.roundRect(x - size / 2, y, size, 0.9 - y, 0.015);
  context.fill();
  const columns = size > 0.3 ? 3 : 2;
  const pitch = size / (columns + 0.35);
  for (let row = 0; row < 5; row++) {
    for (let column = 0; column < columns; column++) {
      const number = (kind * 31 + row * 17 + column * 7) % 10;
      const left = x - size / 2 + pitch * (column + 0.36);
      const top = y + 0.06 + row * 0.115;
      const on = number < 6;
      context.fillStyle = on
        ? css([number < 2 ? 190 : 42, 90, 66], 0.35 + 0.6 * lit)
        : css(lighter(colour, 8));
      context.fillRect(left, top, pitch * 0.64, 0.066);
    }
  }
  if (lit === 1 && kind % 5 < 4) sign(stage, neon[kind % neon.length] as Colour, x, y + 0.115, kind, time);
}

/** A glowing shape: a ring, an arrow, bars or a heart. */
function sign({ context }: Stage, colour: Colour, x: number, y: number, kind: number, time: number): void {
  const shine = 0.85 + 0.15 * Math.sin(time * 5 + kind);
  glow(context, x, y + 0.06, 0.19, colour, 0.5 * shine);
  context.fillStyle = css([250, 40, 14]);
  context.beginPath();
  context.roundRect(x - 0.085, y - 0.015, 0.17, 0.15, 0.03);
  context.fill();
  context.strokeStyle = css(colour, shine);
  context.lineWidth = 0.02;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  const middle = y + 0.06;
  if (kind % 3 === 0) {
    context.arc(x, middle, 0.045, 0, 7);
  } else if (kind % 3 === 1) {
    context.moveTo(x - 0.05, middle);
    context.lineTo(x + 0.05, middle);
    context.lineTo(x + 0.015, middle - 0.035);
    context.moveTo(x + 0.05, middle);
    context.lineTo(x + 0.015, middle + 0.035);
  } else {
    context.moveTo(x, middle + 0.045);
    context.bezierCurveTo(x - 0.1, middle - 0.02, x - 0.04, middle - 0.07, x, middle - 0.02);
    context.bezierCurveTo(x + 0.04, middle - 0.07, x + 0.1, middle - 0.02, x, middle + 0.045);
  }
  context.stroke();
}

function street(stage: Stage): void {
  const { context } = stage;
  band(context, 0.7, 0.76, [
    [262, 22, 46],
    [260, 22, 40],
  ]);
  band(context, 0.76, 1.2, [
    [255, 20, 34],
    [252, 22, 26],
  ]);
  band(context, 0.755, 0.768, [
    [262, 22, 56],
    [262, 22, 52],
  ]);
  context.fillStyle = css([48, 50, 72], 0.85);
  repeat(stage, 1, 0.4, [{ x: 0 }], (_, x) => {
    context.beginPath();
    context.moveTo(x, 0.915);
    context.lineTo(x + 0.2, 0.915);
    context.lineTo(x + 0.19, 0.94);
    context.lineTo(x - 0.015, 0.94);
    context.fill();
  });
}

function lamp({ context }: Stage, { y, size }: Spot, x: number): void {
  const top = y - 0.5 * size;
  context.fillStyle = css([250, 30, 12]);
  context.fillRect(x - 0.011, top, 0.022, y - top);
  context.beginPath();
  context.roundRect(x - 0.03, y - 0.025, 0.06, 0.03, 0.01);
  context.fill();
  glow(context, x, top, 0.2, [44, 98, 70], 0.75);
  context.fillStyle = css([48, 98, 86]);
  disc(context, x, top, 0.038);
}
