import type { SKRSContext2D } from "@napi-rs/canvas";
import type { Colour } from "./colour.js";
import { css } from "./colour.js";
import { widestFrame } from "./stage.js";

export const lightNames = ["day", "sunset", "overcast"] as const;
/** What a place without a sky of its own has. */
export type LightName = (typeof lightNames)[number] | "own";

export const skies: Record<(typeof lightNames)[number], readonly Colour[]> = {
  day: [
    [205, 88, 66],
    [198, 90, 84],
  ],
  sunset: [
    [262, 45, 62],
    [340, 75, 77],
    [32, 96, 76],
  ],
  overcast: [
    [222, 24, 62],
    [214, 28, 78],
  ],
};

/** Over everything: mild enough to leave the subjects' colours apart. */
export function tint(context: SKRSContext2D, colour: Colour, strength: number): void {
  context.fillStyle = css(colour, strength);
  context.fillRect(-0.3, -0.3, widestFrame + 0.6, 1.6);
}

export const tints: Record<LightName, { colour: Colour; scene: number; subject: number }> = {
  day: { colour: [50, 90, 80], scene: 0, subject: 0 },
  sunset: { colour: [24, 95, 58], scene: 0.1, subject: 0.07 },
  overcast: { colour: [224, 30, 42], scene: 0.11, subject: 0.07 },
  own: { colour: [0, 0, 0], scene: 0, subject: 0 },
};
