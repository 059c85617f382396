import { fraction } from "../geometry.js";
import type { Foot, Pose } from "../pose.js";
import type { Subject } from "../subject.js";

/** A moment of a clip, for what moves by it. */
export interface Moment {
  plan: Subject["plan"];
  /** How many rounds of the action have gone by: its fraction is the phase. */
  cycle: number;
  /** How strongly it is done: around 1. */
  vigour: number;
}

export interface Action {
  /** Seconds a round takes at an even tempo. */
  readonly seconds: number;
  /** How far a round takes the subject, in units of bodies. */
  stride(moment: Moment): number;
  pose(moment: Moment): Pose;
}

/** A pose for each sort of body: bipeds and birds stand on two legs. */
export function poseByBody(bodies: Record<"upright" | "quadruped" | "blob", Action["pose"]>): Action["pose"] {
  return (moment) =>
    bodies[moment.plan === "blob" || moment.plan === "quadruped" ? moment.plan : "upright"](moment);
}

export const wave = (cycle: number, shift = 0): number => Math.sin(2 * Math.PI * (cycle + shift));

/** A foot that stands for a share of a round, as the ground goes back below it, and swings to the front for the rest. */
export function step(cycle: number, length: number, stand: number, lift: number): Foot {
  const phase = fraction(cycle);
  if (phase < stand) return { x: length * (0.5 - phase / stand), y: 0, tilt: 0 };
  const swing = (phase - stand) / (1 - stand);
  const eased = swing * swing * (3 - 2 * swing);
  return {
    x: length * (eased - 0.5),
    y: lift * Math.sin(Math.PI * swing),
    tilt: 0.9 * Math.sin(Math.PI * (1 - swing)) * (1 - swing),
  };
}

/** A hop of what has no legs: it rests on the ground for a share of a round and flies a length for the rest. */
export function hop(
  pose: Pose,
  cycle: number,
  length: number,
  rest: number,
  height: number,
  squash: number,
): void {
  const phase = fraction(cycle);
  const flight = Math.max(0, (phase - rest) / (1 - rest));
  pose.ahead = length * (flight - phase);
  if (phase < rest) {
    pose.stretch = 1 - squash * Math.sin((Math.PI * phase) / rest);
    pose.flutter = -0.8 * Math.cos((Math.PI * phase) / rest);
    return;
  }
  pose.lift = height * 4 * flight * (1 - flight);
  pose.stretch = 1 + 0.8 * squash * Math.sin(Math.PI * flight);
  pose.flutter = 0.9 * (2 * flight - 1);
}
