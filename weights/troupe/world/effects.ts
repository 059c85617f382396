import type { SKRSContext2D } from "@napi-rs/canvas";
import { actions } from "./actions/index.js";
import type { Clip } from "./clip.js";
import { type Colour, css } from "./colour.js";
import { clamp } from "./geometry.js";
import type { PlaceName } from "./places/index.js";
import { bubble } from "./places/sea.js";
import type { Pose } from "./pose.js";
import { disc } from "./stage.js";

const dusts: Record<PlaceName, Colour> = {
  meadow: [66, 40, 86],
  beach: [42, 60, 90],
  snow: [205, 60, 99],
  city: [262, 20, 72],
  sea: [46, 45, 82],
  moon: [240, 10, 90],
};

/** What a subject leaves around itself, at a place in the frame. */
export interface Around {
  clip: Clip;
  pose: Pose;
  seconds: number;
  cycle: number;
  x: number;
  ground: number;
}

/** A soft shadow right below the subject, fainter the higher it is. */
export function shadow(context: SKRSContext2D, { clip, pose, x, ground }: Around): void {
  const { scale } = clip.motion;
  const high = clamp(pose.lift / 0.5);
  const wide = scale * (clip.subject.plan === "quadruped" ? 0.4 : 0.33) * (1 - 0.3 * high);
  const made = context.createRadialGradient(0, 0, 0, 0, 0, 1);
  const dark: Colour = [250, 45, 10];
  const alpha = 0.46 * (1 - 0.6 * high);
  made.addColorStop(0, css(dark, alpha));
  made.addColorStop(0.55, css(dark, alpha * 0.7));
  made.addColorStop(1, css(dark, 0));
  context.save();
  context.translate(x, ground);
  context.scale(wide, wide * 0.24);
  context.fillStyle = made;
  disc(context, 0, 0, 1);
  context.restore();
}

/** Puffs of dust where feet come down in a run or after a jump: they stay where they are in the scene. */
export function dust(context: SKRSContext2D, { clip, cycle, x, ground }: Around): void {
  const { action, place, motion, subject } = clip;
  if (action !== "run" && action !== "jump") return;
  const perRound = action === "run" && subject.plan !== "blob" ? 2 : 1;
  const shift = action === "jump" ? 0.74 : 0;
  const speed = motion.drift + motion.scroll;
  const latest = Math.floor((cycle - shift) * perRound);
  for (let i = latest; i > latest - 4; i--) {
    const age = (cycle - shift - i / perRound) / motion.rounds;
    const life = age / (action === "run" ? 0.55 : 0.42);
    if (life >= 1) continue;
    const left = x - speed * age;
    const size = motion.scale * (0.045 + 0.07 * Math.sqrt(life));
    context.fillStyle = css(dusts[place], 0.85 * (1 - life));
    const sides = action === "run" ? [0, -motion.facing] : [-1.4, 1.4];
    for (const [n, side] of sides.entries()) {
      const spread = side * motion.scale * (0.09 + 0.12 * life);
      disc(
        context,
        left + spread - motion.facing * (action === "run" ? 0.03 : 0),
        ground - size * (0.5 + 0.5 * life),
        size * (1 - 0.25 * n),
      );
    }
  }
}

/** Bubbles from a swimmer's mouth, which stay behind and rise. */
export function breath(
  context: SKRSContext2D,
  { clip, seconds, ground }: Around,
  mouth: { x: number; y: number },
): void {
  if (clip.action !== "swim") return;
  const { drift, scroll, phase } = clip.motion;
  for (let i = 0; i < 5; i++) {
    const age = (((seconds + phase * 3 + i * 0.3) % 1.5) + 1.5) % 1.5;
    const size = 0.014 + 0.006 * ((i * 7) % 3);
    const up = mouth.y - 0.03 - age * 0.3;
    if (up < -0.05 || up > ground) continue;
    bubble(
      context,
      mouth.x - (drift + scroll) * age + 0.012 * Math.sin(age * 7 + i),
      up,
      size,
      0.9 * (1 - age / 1.6),
    );
  }
}

/** Rounds of a clip's action that have gone by. */
export const cycleAt = ({ motion }: Clip, seconds: number): number => motion.phase + motion.rounds * seconds;

export function poseAt(clip: Clip, seconds: number): Pose {
  const { action, subject, motion } = clip;
  const pose = actions[action].pose({
    plan: subject.plan,
    cycle: cycleAt(clip, seconds),
    vigour: motion.vigour,
  });
  const sinceBlink = seconds - motion.blink;
  return { ...pose, eyesClosed: sinceBlink >= 0 && sinceBlink < 0.16 };
}
