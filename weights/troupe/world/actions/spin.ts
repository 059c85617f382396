import { turn } from "../geometry.js";
import { restingPose } from "../pose.js";
import { type Action, wave } from "./action.js";

/** Turns around itself, with its arms out. */
export const spin: Action = {
  seconds: 1.5,
  stride: () => 0,
  pose({ plan, cycle, vigour }) {
    const pose = restingPose();
    pose.turn = turn * cycle;
    pose.lift = plan === "quadruped" ? 0 : 0.03 * (1 - wave(4 * cycle, 0.25)) * 0.5;
    pose.stretch = 1 + 0.035 * wave(2 * cycle);
    const out = 1.25 + 0.12 * wave(2 * cycle);
    const raise = plan === "quadruped" ? 0.25 : out * vigour;
    for (const arm of pose.arms) Object.assign(arm, { swing: 0, raise, bend: 0, bendSide: 0.12 });
    pose.feet = restingPose().feet.map((foot, i) => ({
      ...foot,
      y: Math.max(0, 0.05 * wave(2 * cycle, i / 2)),
    }));
    pose.roll = 0.04 * wave(2 * cycle);
    pose.tailSwing = -1.1;
    pose.trail = 0.15;
    pose.flutter = 0.7;
    pose.mouth = 0.8;
    return pose;
  },
};
