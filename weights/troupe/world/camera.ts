import { mix, smooth } from "./geometry.js";

export const cameraNames = ["still", "follow", "pan", "zoom"] as const;
export type CameraName = (typeof cameraNames)[number];

/** Where the camera looks, from the middle of the frame: what is there stays there as it comes closer. */
export const focus = { x: 0.5, y: 0.62 };

/** How much larger all is than at the beginning, after `share` of a clip. */
export function zoomAt(camera: CameraName, strength: number, share: number): number {
  return camera === "zoom"
    ? mix(1, strength, smooth(0.15 + 0.7 * share)) / mix(1, strength, smooth(0.15))
    : 1;
}
