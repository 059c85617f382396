import { direction, moved, yawed } from "../geometry.js";
import { armPart, baseOf, headFrame, type Plan, view } from "./skeleton.js";

/** A drop of jelly without legs, with two feelers for arms. */
export const blob: Plan = (subject, { main, second }, pose) => {
  const wide = 0.33 * subject.roundness;
  const base = baseOf(view, pose, 0, 0.34);
  const torso = { frame: moved(base.trunk, [0, 0.15, 0]), radii: [wide, 0.15, wide * 0.96] as const };
  const skull = 0.255 * subject.headSize;
  const head = {
    frame: headFrame(moved(base.trunk, [0.01, 0.43, 0]), pose),
    radii: [skull, skull * 0.95, skull] as const,
  };
  const arm = {
    length: 0.25 * subject.limbLength,
    radii: [0.05, 0.046, 0.062],
    colour: main,
    bias: 0.05,
    tip: { from: 0.7, colour: second },
  };
  const limbs = [1, -1].map((side, i) =>
    armPart(base.trunk, [0.02, 0.24, side * wide * 0.8], pose.arms[i as 0 | 1], side, arm),
  );
  return {
    torso,
    head,
    fused: true,
    limbs,
    tail: yawed(moved(base.trunk, [-wide * 0.85, 0.13, 0]), Math.PI),
    neck: { frame: moved(base.trunk, [0.01, 0.24, 0]), radius: 0.298 * subject.roundness },
    belly: { way: direction(0.1, 0.25), angle: 1.1 },
    stripeAxis: 1,
    face: { eyesUp: 0.06, eyesApart: 0.46, eye: 0.33, nose: "none" },
    ornament: 1.05,
  };
};
