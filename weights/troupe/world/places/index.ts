import type { Backdrop } from "../stage.js";
import { beach } from "./beach.js";
import { city } from "./city.js";
import { meadow } from "./meadow.js";
import { moon } from "./moon.js";
import { sea } from "./sea.js";
import { snow } from "./snow.js";

export const placeNames = ["meadow", "beach", "snow", "city", "sea", "moon"] as const;
export type PlaceName = (typeof placeNames)[number];
/** Of a seed that everything in a place depends on. */
export const places: Record<PlaceName, (seed: number) => Backdrop> = { meadow, beach, snow, city, sea, moon };

/** Where the light changes; elsewhere it is always the same. */
export const isLit = (place: PlaceName): boolean => ["meadow", "beach", "snow"].includes(place);
