import { fraction, mix, smooth } from "../geometry.js";
import { restingPose } from "../pose.js";
import type { Action } from "./action.js";

const crouched = 0.26;
const landed = 0.74;
const height = 0.26;

/** Crouches, leaps straight up with its arms high, lands and gets up again. */
export const jump: Action = {
  seconds: 1.3,
  stride: () => 0,
  pose({ plan, cycle, vigour }) {
    const pose = restingPose();
    const phase = fraction(cycle);
    const flight = (phase - crouched) / (landed - crouched);
    let [up, squash] = [0, 0];
    if (phase < crouched) {
      squash = Math.sin(Math.PI * smooth(phase / crouched) ** 1.4);
    } else if (phase < landed) {
      pose.lift = height * vigour * 4 * flight * (1 - flight);
      up = Math.sin(Math.PI * Math.min(1, flight * 1.1)) ** 0.7;
      squash = -0.55 * Math.abs(Math.cos(Math.PI * flight)) ** 2;
    } else {
      squash = 0.9 * Math.sin(Math.PI * smooth((phase - landed) / (1 - landed)) ** 0.6);
    }
    const soft = plan === "blob" ? 0.34 : 0.2;
    pose.stretch = 1 - soft * squash;
    pose.sink = plan === "blob" ? 0 : Math.max(0, squash) * 0.05;
    pose.feet = restingPose().feet.map((_, i) => ({
      x: (i < 2 ? 1 : -1) * (plan === "quadruped" ? 0.07 : 0.02) * up,
      y: -0.01 * up,
      tilt: 0.7 * up,
    }));
    const raise = mix(plan === "quadruped" ? 0.25 : 0.35, 2.15, up);
    for (const arm of pose.arms)
      Object.assign(arm, {
        swing: -0.7 * Math.max(0, squash),
        raise: plan === "quadruped" ? 0.2 : raise,
        bend: 0.2,
      });
    if (plan === "quadruped" && phase >= crouched && phase < landed)
      pose.lean = -0.3 * Math.cos(Math.PI * flight);
    pose.flutter = phase > crouched && phase < landed ? -1.1 + 2.4 * flight : 0.4 - 0.5 * squash;
    pose.tailLift = pose.flutter;
    pose.trail = 0.1;
    pose.turn = plan === "quadruped" ? 0.1 : 0.4;
    pose.headTurn = -0.15;
    pose.mouth = up > 0.4 ? 0.9 : 0.35;
    return pose;
  },
};
