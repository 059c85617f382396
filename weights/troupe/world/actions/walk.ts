import { restingPose } from "../pose.js";
import { type Action, hop, type Moment, poseByBody, step, wave } from "./action.js";

const stand = 0.58;

/** Two steps a round. */
export const walk: Action = {
  seconds: 1.02,
  stride: ({ plan, vigour }) => (plan === "blob" ? 0.34 * vigour : length(plan, vigour) / stand),
  pose: poseByBody({ upright: stroll, quadruped: amble, blob: crawl }),
};

const length = (plan: Moment["plan"], vigour: number) => (plan === "quadruped" ? 0.22 : 0.27) * vigour;

function stroll({ plan, cycle, vigour }: Moment) {
  const pose = restingPose();
  const reach = length(plan, vigour);
  pose.feet = [step(cycle, reach, stand, 0.09), step(cycle + 0.5, reach, stand, 0.09)];
  // Lowest when both feet are on the ground.
  pose.sink = 0.014 + 0.016 * Math.cos(4 * Math.PI * (cycle - 0.04));
  pose.roll = (plan === "bird" ? 0.1 : 0.05) * wave(cycle, 0.05);
  pose.lean = 0.06;
  const swing = plan === "bird" ? 0.3 : 0.75;
  pose.arms[0] = {
    swing: -swing * wave(cycle, 0.25),
    raise: plan === "bird" ? 0.35 : 0.16,
    bend: 0.35,
    bendSide: 0,
  };
  pose.arms[1] = {
    swing: swing * wave(cycle, 0.25),
    raise: plan === "bird" ? 0.35 : 0.16,
    bend: 0.35,
    bendSide: 0,
  };
  pose.headNod = 0.05 * wave(2 * cycle);
  pose.tailSwing = wave(cycle, 0.1);
  pose.tailLift = 0.4 * wave(2 * cycle);
  pose.trail = 0.22 + 0.08 * wave(2 * cycle);
  pose.flutter = 0.5 * wave(2 * cycle, 0.3);
  return pose;
}

function amble({ plan, cycle, vigour }: Moment) {
  const pose = restingPose();
  const reach = length(plan, vigour);
  pose.feet = [0.25, 0.75, 0, 0.5].map((shift) => step(cycle + shift, reach, stand, 0.08));
  pose.sink = 0.012 + 0.014 * wave(2 * cycle, 0.1);
  pose.lean = 0.03 * wave(2 * cycle, 0.3);
  pose.headNod = 0.07 * wave(2 * cycle, 0.2);
  pose.tailSwing = 1.2 * wave(cycle);
  pose.tailLift = 0.4 * wave(2 * cycle);
  pose.trail = 0.2 + 0.06 * wave(2 * cycle);
  pose.flutter = 0.5 * wave(2 * cycle, 0.3);
  return pose;
}

function crawl({ cycle, vigour }: Moment) {
  const pose = restingPose();
  hop(pose, cycle, 0.34 * vigour, 0.5, 0.07, 0.16);
  pose.lean = 0.08 + 0.06 * wave(cycle);
  for (const arm of pose.arms)
    Object.assign(arm, { swing: 0.5 * wave(cycle), raise: 0.7 + 0.25 * wave(cycle, 0.4) });
  pose.tailLift = wave(cycle, 0.3);
  pose.trail = 0.18;
  return pose;
}
