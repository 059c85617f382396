import { mix } from "../geometry.js";
import { restingPose } from "../pose.js";
import { type Action, type Moment, wave } from "./action.js";

/** Floats above the ground, paddling with arms and legs. */
export const swim: Action = {
  seconds: 0.95,
  stride: ({ vigour }) => 0.42 * vigour,
  pose(moment) {
    const pose = paddle(moment);
    const { plan, cycle } = moment;
    pose.lift = mix(0.3, 0.34, wave(cycle / 2)) + 0.03 * wave(cycle);
    pose.ahead = 0.03 * wave(cycle, 0.1);
    pose.trail = (plan === "quadruped" ? 0.6 : 0.3) + 0.15 * wave(cycle);
    pose.flutter = 0.6 * wave(cycle, 0.4);
    pose.tailSwing = wave(cycle);
    pose.tailLift = wave(cycle, 0.2);
    pose.roll += 0.06 * wave(cycle / 2);
    return pose;
  },
};

function paddle({ plan, cycle }: Moment) {
  const pose = restingPose();
  if (plan === "quadruped") {
    pose.tilt = 0.1 + 0.06 * wave(cycle);
    pose.headNod = -0.2;
    pose.feet = [0, 0.5, 0.25, 0.75].map((shift, i) => ({
      x: 0.13 * wave(cycle, shift) + (i < 2 ? 0.04 : -0.08),
      y: 0.05 + 0.07 * wave(cycle, shift + 0.25),
      tilt: 0.6,
    }));
    return pose;
  }
  pose.tilt = plan === "blob" ? 0.75 : 1.05;
  pose.headNod = plan === "blob" ? -0.2 : -0.75;
  pose.headTurn = 0.1;
  if (plan === "blob") {
    pose.stretch = 1 + 0.14 * wave(cycle);
    for (const arm of pose.arms)
      Object.assign(arm, {
        swing: 0.3,
        raise: 1.2 + 0.8 * wave(cycle, 0.3),
        bendSide: 0.5 * wave(cycle, 0.15),
      });
    return pose;
  }
  pose.feet = [0, 0.5].map((shift) => ({
    x: 0.12 * wave(2 * cycle, shift),
    y: -0.02 + 0.03 * wave(2 * cycle, shift + 0.2),
    tilt: 1.0,
  }));
  if (plan === "bird") {
    for (const arm of pose.arms)
      Object.assign(arm, {
        swing: -0.3,
        raise: 1.25 + 0.85 * wave(cycle),
        bendSide: 0.6 * wave(cycle, -0.15),
      });
    return pose;
  }
  // A crawl: the arms go round in turn.
  [0, 0.5].forEach((shift, i) => {
    const round = 1.3 + 1.5 * wave(cycle, shift);
    Object.assign(pose.arms[i as 0 | 1], {
      swing: round,
      raise: 0.35 + 0.25 * wave(cycle, shift + 0.25),
      bend: 0.35,
    });
  });
  return pose;
}
