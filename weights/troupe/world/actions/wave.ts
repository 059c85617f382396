import { restingPose } from "../pose.js";
import { type Action, wave as swing } from "./action.js";

/** Stands still and waves with one arm, wing, paw or feeler, held high. */
export const wave: Action = {
  seconds: 0.68,
  stride: () => 0,
  pose({ plan, cycle, vigour }) {
    const pose = restingPose();
    const beat = swing(cycle);
    const breath = swing(cycle / 3);
    pose.stretch = 1 + 0.015 * breath;
    pose.headRoll = 0.1 + 0.04 * beat;
    pose.tailSwing = 0.8 * swing(cycle / 2);
    pose.flutter = 0.25 * beat;
    pose.trail = 0.05;
    pose.mouth = 0.85;
    pose.turn = 0.62;
    pose.headTurn = -0.3;
    if (plan === "quadruped") {
      // Up on its hind legs, so that the paw gets high.
      pose.turn = -0.2;
      pose.headTurn = 0.25;
      pose.lean = -0.5;
      pose.sink = -0.02;
      pose.headNod = 0.1;
      pose.feet[2] = pose.feet[3] = { x: 0.04, y: 0, tilt: 0 };
      pose.feet[1] = { x: 0.03, y: 0.16, tilt: 0.5 };
      pose.arms[0] = {
        swing: 1.05 + 0.42 * beat * vigour,
        raise: 0.3,
        bend: 0.25 + 0.45 * beat,
        bendSide: 0,
      };
      return pose;
    }
    pose.arms[0] = { swing: 0.1, raise: 2.08 + 0.36 * beat * vigour, bend: 0, bendSide: 0.3 + 0.4 * beat };
    pose.arms[1] = { swing: 0.1, raise: 0.35 + 0.05 * breath, bend: 0.2, bendSide: 0 };
    return pose;
  },
};
