import { Random } from "#ts/data/random.js";
import { type Colour, css, lighter } from "../colour.js";
import type { LightName } from "../light.js";
import { disc, glow, repeat, type Stage } from "../stage.js";

export interface Spot {
  x: number;
  y: number;
  size: number;
  kind: number;
}

/** Things at even distances, moved a little. */
export function row(
  random: Random,
  count: number,
  period: number,
  y: [number, number],
  size: [number, number],
): Spot[] {
  return Array.from({ length: count }, (_, i) => ({
    x: ((i + random.between(-0.3, 0.3)) * period) / count,
    y: random.between(...y),
    size: random.between(...size),
    kind: random.below(1000),
  }));
}

/** Puffy clouds that drift. */
export function clouds(stage: Stage, spots: readonly Spot[], alpha: number): void {
  const { context, light, time } = stage;
  context.fillStyle = css(cloudColours[light], alpha);
  repeat({ ...stage, scroll: stage.scroll + time * 0.2 }, 0.08, 1.8, spots, ({ y, size, kind }, x) => {
    const lean = (kind % 10) / 30;
    context.beginPath();
    for (const [dx, dy, r] of [
      [-0.9, 0.1, 0.45],
      [-0.35, -0.2 - lean, 0.6],
      [0.35, -0.28 + lean, 0.66],
      [0.95, 0.08, 0.48],
    ] as const) {
      context.moveTo(x + dx * size, y + dy * size);
      context.arc(x + dx * size, y + dy * size, r * size, 0, 7);
    }
    context.roundRect(x - 1.35 * size, y - 0.05 * size, 2.75 * size, 0.6 * size, 0.3 * size);
    context.fill();
  });
}

const cloudColours: Record<LightName, Colour> = {
  day: [0, 0, 100],
  sunset: [20, 90, 90],
  overcast: [220, 16, 86],
  own: [0, 0, 100],
};

/** The sun of the light that there is, with a soft glow, if it is to be seen. */
export function sun(
  stage: Stage,
  x: number,
  size: number,
  { day, sunset }: Record<"day" | "sunset", { y: number; colour: Colour }>,
): void {
  if (stage.light === "overcast") return;
  const { y, colour } = stage.light === "sunset" ? sunset : day;
  glow(stage.context, x, y, size * 3.2, colour, 0.6);
  stage.context.fillStyle = css(lighter(colour, 10));
  disc(stage.context, x, y, size);
}

export function stars(stage: Stage, spots: readonly Spot[]): void {
  const { context, time } = stage;
  for (const { x, y, size, kind } of spots) {
    const shine = 0.65 + 0.35 * Math.sin(time * (1.5 + (kind % 7) * 0.3) + kind);
    context.fillStyle = css([220, 60, 95], shine);
    disc(context, x, y, size);
  }
}

/** Waves of several lengths that fit into a period. */
export function rolling(
  random: Random,
  period: number,
  level: number,
  height: number,
): (x: number) => number {
  const [a, b] = [random.between(0, 6.3), random.between(0, 6.3)];
  const k = (2 * Math.PI) / period;
  return (x) => level - height * (0.65 * Math.sin(k * x + a) + 0.35 * Math.sin(2 * k * x + b));
}

export function randomOf(place: string, seed: number): Random {
  return new Random("place", place, seed);
}
