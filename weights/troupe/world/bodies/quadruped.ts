import { leaned, moved, unit, yawed } from "../geometry.js";
import { armPart, baseOf, headFrame, legParts, type Plan, view } from "./skeleton.js";

/** On four legs, the head in front: something of a cat or a dog. */
export const quadruped: Plan = (subject, { main, second }, pose) => {
  const leg = 0.2 * subject.limbLength;
  const high = 0.165 * subject.roundness;
  const base = baseOf(view, pose, leg, 0.3);
  const torso = { frame: moved(base.trunk, [0, high * 0.72, 0]), radii: [0.29, high, high * 0.98] as const };
  const skull = 0.215 * subject.headSize;
  const neck = leaned(moved(base.trunk, [0.2, high * 1.25, 0]), 0.6);
  // The head keeps level while the trunk leans, but for a third.
  const level = leaned(moved(base.trunk, [0.27, high * 0.72 + 0.26, 0]), -0.66 * pose.lean);
  const head = {
    frame: headFrame(level, pose),
    radii: [skull * 0.98, skull * 0.92, skull * 1.05] as const,
  };
  const shape = {
    length: leg + 0.07,
    radii: [0.072, 0.06, 0.056],
    colour: main,
    bias: 0.03,
    foot: [0.078, 0.046, 0.062] as const,
    footColour: second,
    knee: 1,
  };
  const paw = {
    length: leg + 0.17,
    radii: [0.07, 0.06, 0.07],
    colour: main,
    bias: 0.12,
    tip: { from: 0.72, colour: second },
  };
  const limbs = [0, 1, 2, 3].flatMap((i) => {
    const [side, front] = [i % 2 === 0 ? 1 : -1, i < 2];
    const foot = pose.feet[i] as (typeof pose.feet)[number];
    const arm = pose.arms[i as 0 | 1];
    const hip = [front ? 0.18 : -0.19, front ? 0.05 : 0.06, side * 0.088] as const;
    if (front && arm.swing > 0.9) return [armPart(base.trunk, hip, arm, side, paw)];
    return legParts(base, hip, [hip[0], 0.044, side * 0.092], foot, { ...shape, knee: front ? 1 : -1 });
  });
  return {
    torso,
    head,
    fused: false,
    limbs,
    tail: yawed(moved(base.trunk, [-0.27, high * 1.0, 0]), Math.PI),
    neck: { frame: neck, radius: 0.15 },
    belly: { way: unit([0.4, -0.75, 0.25]), angle: 0.95 },
    stripeAxis: 0,
    face: { eyesUp: 0.12, eyesApart: 0.5, eye: 0.36, nose: "snout" },
    ornament: 0.96,
  };
};
