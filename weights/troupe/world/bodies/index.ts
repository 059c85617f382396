import type { Colour } from "../colour.js";
import type { Frame } from "../geometry.js";
import type { Pose } from "../pose.js";
import { type Part, solid } from "../puppet.js";
import { paletteOf, type Subject } from "../subject.js";
import { accessoryParts } from "./accessory.js";
import { biped } from "./biped.js";
import { bird } from "./bird.js";
import { blob } from "./blob.js";
import { coat } from "./coat.js";
import { earParts } from "./ears.js";
import { faceParts } from "./face.js";
import { quadruped } from "./quadruped.js";
import type { Plan, Skeleton } from "./skeleton.js";
import { tailParts } from "./tail.js";

const bodyPlans: Record<Subject["plan"], Plan> = { biped, quadruped, bird, blob };

export interface Body {
  parts: Part[];
  head: Frame;
}

/** All that a subject consists of in a pose, standing on (0, 0), one unit high or so. */
export function bodyOf(subject: Subject, pose: Pose): Body {
  const palette = paletteOf(subject);
  const skeleton = bodyPlans[subject.plan](subject, palette, pose);
  const paint = coat(subject, palette, skeleton);
  return {
    head: skeleton.head.frame,
    parts: [
      ...skeleton.limbs,
      ...trunkParts(skeleton, paint, palette.main),
      ...tailParts(subject, palette, skeleton, pose),
      ...earParts(subject, palette, skeleton, pose),
      ...faceParts(subject, palette, skeleton, pose),
      ...accessoryParts(subject, palette, skeleton, pose),
    ],
  };
}

function trunkParts({ torso, head, fused }: Skeleton, paint: ReturnType<typeof coat>, main: Colour): Part[] {
  const depth = torso.frame.origin[2];
  if (!fused) {
    return [
      solid([torso], main, depth, paint.torso),
      solid([head], main, head.frame.origin[2] + 0.05, paint.head),
    ];
  }
  return [
    solid([torso, head], main, depth, (context) => {
      paint.torso(context);
      paint.head(context);
    }),
  ];
}
