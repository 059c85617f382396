import { restingPose } from "../pose.js";
import { type Action, hop, type Moment, poseByBody, step, wave } from "./action.js";

const stand = 0.36;

/** Long leaps, leaning forward. */
export const run: Action = {
  seconds: 0.62,
  stride: ({ plan, vigour }) => (plan === "blob" ? 0.8 * vigour : length(plan, vigour) / stand),
  pose: poseByBody({ upright: sprint, quadruped: gallop, blob: leap }),
};

const length = (plan: Moment["plan"], vigour: number) => (plan === "quadruped" ? 0.3 : 0.31) * vigour;

function sprint({ plan, cycle, vigour }: Moment) {
  const pose = restingPose();
  const reach = length(plan, vigour);
  pose.feet = [0, 0.5].map((shift) => {
    const foot = step(cycle + shift, reach, stand, 0.15);
    // The leg folds behind before it comes forward.
    return {
      x: foot.x - 0.06 + (foot.y > 0 ? 0.04 * wave(cycle + shift, 0.55) : 0),
      y: foot.y,
      tilt: foot.tilt * 1.3,
    };
  });
  const flight = Math.abs(wave(cycle, 0.07));
  pose.lift = 0.1 * flight;
  pose.stretch = 0.97 + 0.06 * flight;
  pose.lean = 0.34;
  pose.headNod = -0.16;
  if (plan === "bird") {
    for (const arm of pose.arms)
      Object.assign(arm, { swing: -1.0, raise: 0.9 + 0.35 * wave(2 * cycle), bend: -0.5, bendSide: 0.3 });
  } else {
    const swing = 1.15 * wave(cycle, 0.25);
    pose.arms[0] = { swing: -swing - 0.1, raise: 0.2, bend: 1.3, bendSide: 0 };
    pose.arms[1] = { swing: swing - 0.1, raise: 0.2, bend: 1.3, bendSide: 0 };
  }
  pose.roll = 0.04 * wave(cycle);
  pose.tailSwing = wave(cycle);
  pose.tailLift = 0.6 + 0.7 * wave(2 * cycle);
  pose.trail = 0.85 + 0.1 * wave(2 * cycle);
  pose.flutter = wave(2 * cycle, 0.3);
  pose.mouth = 0.8;
  return pose;
}

function gallop({ plan, cycle, vigour }: Moment) {
  const pose = restingPose();
  const reach = length(plan, vigour);
  pose.feet = [0.5, 0.6, 0.02, 0.1].map((shift, i) => {
    const foot = step(cycle + shift, reach, stand, 0.14);
    return { ...foot, x: foot.x * 1.15 + (i < 2 ? 0.05 : -0.04) };
  });
  pose.lift = 0.07 + 0.06 * wave(2 * cycle, 0.05);
  pose.lean = 0.04 + 0.17 * wave(cycle, 0.12);
  pose.stretch = 1 + 0.05 * wave(2 * cycle, 0.3);
  pose.headNod = 0.1 * wave(cycle, 0.3);
  pose.tailLift = 0.8 + wave(cycle, 0.4);
  pose.tailSwing = 0.3;
  pose.trail = 0.85 + 0.12 * wave(2 * cycle);
  pose.flutter = wave(cycle, 0.3);
  pose.mouth = 0.8;
  return pose;
}

function leap({ cycle, vigour }: Moment) {
  const pose = restingPose();
  hop(pose, cycle, 0.8 * vigour, 0.32, 0.2, 0.22);
  pose.lean = 0.3 + 0.12 * wave(cycle, 0.5);
  for (const arm of pose.arms)
    Object.assign(arm, { swing: -1.1, raise: 0.9 + 0.4 * wave(cycle, 0.4), bend: -0.4 });
  pose.tailLift = 0.4 + wave(cycle, 0.3);
  pose.trail = 0.85;
  pose.mouth = 0.8;
  return pose;
}
