import type { Colour } from "../colour.js";
import { direction, moved, yawed } from "../geometry.js";
import { armPart, baseOf, headFrame, legParts, type Plan, view } from "./skeleton.js";

/** What beaks and legs are coloured with. */
export function hornOf([hue]: Colour): Colour {
  return hue > 10 && hue < 70 ? [10, 80, 50] : [36, 98, 55];
}

/** Round, with two thin legs, wings and a beak: something of a chick. */
export const bird: Plan = (subject, { main, second }, pose) => {
  const leg = 0.22 * subject.limbLength;
  const wide = 0.235 * subject.roundness;
  const base = baseOf(view, pose, leg, 0.45);
  const torso = { frame: moved(base.trunk, [-0.02, 0.17, 0]), radii: [wide * 1.05, 0.215, wide] as const };
  const skull = 0.222 * subject.headSize;
  const head = {
    frame: headFrame(moved(base.trunk, [0.05, 0.43, 0]), pose),
    radii: [skull, skull * 0.96, skull * 1.02] as const,
  };
  const wing = {
    length: 0.27 * subject.limbLength,
    radii: [0.055, 0.092, 0.035],
    colour: main,
    bias: 0.06,
    tip: { from: 0.62, colour: second },
  };
  const horn = hornOf(main);
  const legShape = {
    length: leg + 0.03,
    radii: [0.034, 0.03, 0.03],
    colour: horn,
    bias: -0.2,
    foot: [0.1, 0.032, 0.068] as const,
    footColour: horn,
    knee: -1,
  };
  const limbs = [1, -1].flatMap((side, i) => {
    const foot = pose.feet[i] as (typeof pose.feet)[number];
    const shoulder = [-0.03, 0.235, side * wide * 0.88] as const;
    return [
      armPart(base.trunk, shoulder, pose.arms[i as 0 | 1], side, wing),
      ...legParts(base, [0, 0.02, side * 0.09], [0.02, 0.034, side * 0.095], foot, legShape),
    ];
  });
  return {
    torso,
    head,
    fused: true,
    limbs,
    tail: yawed(moved(base.trunk, [-wide * 1.05, 0.15, 0]), Math.PI),
    neck: { frame: moved(base.trunk, [0.02, 0.29, 0]), radius: 0.225 * subject.roundness },
    belly: { way: direction(0.1, -0.1), angle: 1.0 },
    stripeAxis: 1,
    face: { eyesUp: 0.14, eyesApart: 0.5, eye: 0.37, nose: "beak" },
    ornament: 1,
  };
};
