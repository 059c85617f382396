import { direction, moved, yawed } from "../geometry.js";
import { armPart, baseOf, headFrame, legParts, type Plan, view } from "./skeleton.js";

/** Upright, with a large head, arms and two short legs: something of a bear. */
export const biped: Plan = (subject, { main, second }, pose) => {
  const leg = 0.215 * subject.limbLength;
  const wide = 0.175 * subject.roundness;
  const base = baseOf(view, pose, leg, 0.45);
  const torso = { frame: moved(base.trunk, [0, 0.15, 0]), radii: [wide, 0.205, wide * 1.02] as const };
  const top = moved(base.trunk, [0.015, 0.29, 0]);
  const skull = 0.225 * subject.headSize;
  const head = {
    frame: moved(headFrame(top, pose), [0.02, skull * 0.84, 0]),
    radii: [skull * 0.98, skull * 0.93, skull * 1.06] as const,
  };
  const arm = {
    length: 0.27 * subject.limbLength,
    radii: [0.052, 0.054, 0.064],
    colour: main,
    bias: 0.03,
  };
  const legShape = {
    length: leg + 0.06,
    radii: [0.075, 0.068, 0.062],
    colour: main,
    bias: -0.2,
    foot: [0.1, 0.052, 0.07] as const,
    footColour: second,
    knee: 1,
  };
  const limbs = [1, -1].flatMap((side, i) => {
    const foot = pose.feet[i] as (typeof pose.feet)[number];
    const shoulder = [0.0, 0.235, side * wide * 0.82] as const;
    return [
      armPart(base.trunk, shoulder, pose.arms[i as 0 | 1], side, arm),
      ...legParts(base, [0, 0.03, side * 0.085], [0, 0.05, side * 0.095], foot, legShape),
    ];
  });
  return {
    torso,
    head,
    fused: false,
    limbs,
    tail: yawed(moved(base.trunk, [-wide * 0.85, 0.08, 0]), Math.PI),
    neck: { frame: moved(base.trunk, [0.005, 0.295, 0]), radius: 0.135 },
    belly: { way: direction(0, -0.12), angle: 0.98 },
    stripeAxis: 1,
    face: { eyesUp: 0.12, eyesApart: 0.5, eye: 0.36, nose: "snout" },
    ornament: 1,
  };
};
