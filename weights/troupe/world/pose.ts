/** One arm, wing, paw or feeler: angles in radians. */
export interface Arm {
  /** To the front. */
  swing: number;
  /** Sideways: 0 hangs, a half turn points up. */
  raise: number;
  /** How much further the lower half goes to the front, and sideways. */
  bend: number;
  bendSide: number;
}

/** Where a foot is, from where it stands at rest. */
export interface Foot {
  x: number;
  y: number;
  /** Its toes go down. */
  tilt: number;
}

/** What a moment of an action does to a body. Lengths are in units of about a body's height. */
export interface Pose {
  /** Ahead of the even way through the scene, and above the ground. */
  ahead: number;
  lift: number;
  /** Angles: the body's turn around its upright axis; all of it tilting to the front; the trunk alone. */
  turn: number;
  tilt: number;
  lean: number;
  roll: number;
  /** Of height; the width makes up for it. */
  stretch: number;
  /** How far the trunk has sunk towards the feet. */
  sink: number;
  headTurn: number;
  headNod: number;
  headRoll: number;
  /** On the near side and on the far side. */
  arms: [Arm, Arm];
  /** Near and far; for four legs: front near, front far, hind near, hind far. */
  feet: Foot[];
  /** Sideways, and up. */
  tailSwing: number;
  tailLift: number;
  /** How far what is loose trails behind: positive to the back; positive up. */
  trail: number;
  flutter: number;
  eyesClosed: boolean;
  /** 0 to 1. */
  mouth: number;
}

const arm = (): Arm => ({ swing: 0, raise: 0.25, bend: 0.3, bendSide: 0 });

export function restingPose(): Pose {
  return {
    ahead: 0,
    lift: 0,
    turn: 0,
    tilt: 0,
    lean: 0,
    roll: 0,
    stretch: 1,
    sink: 0,
    headTurn: 0,
    headNod: 0,
    headRoll: 0,
    arms: [arm(), arm()],
    feet: Array.from({ length: 4 }, () => ({ x: 0, y: 0, tilt: 0 })),
    tailSwing: 0,
    tailLift: 0,
    trail: 0,
    flutter: 0,
    eyesClosed: false,
    mouth: 0.35,
  };
}
