import type { SKRSContext2D } from "@napi-rs/canvas";
import { type Colour, css } from "./colour.js";
import { turn } from "./geometry.js";
import type { LightName } from "./light.js";

/** What a place is drawn with, in units of the frame's height; y goes down from 0 to 1. */
export interface Stage {
  context: SKRSContext2D;
  /** The frame's. */
  width: number;
  /** Seconds. */
  time: number;
  /** How far the camera has gone to the right, at the subject's distance. */
  scroll: number;
  light: LightName;
}

/** A place with all that was drawn at random for it: how to draw what is behind the subject. */
export type Backdrop = (stage: Stage) => void;

/** Of what is drawn, in heights. */
export const widestFrame = 2;

/** From the top to the bottom, or between two heights. */
export function gradient(
  context: SKRSContext2D,
  stops: readonly Colour[],
  top = 0,
  bottom = 1,
): ReturnType<SKRSContext2D["createLinearGradient"]> {
  const made = context.createLinearGradient(0, top, 0, bottom);
  stops.forEach((colour, i) => {
    made.addColorStop(i / (stops.length - 1), css(colour));
  });
  return made;
}

/** A band over the whole width of any frame. */
export function band(context: SKRSContext2D, top: number, bottom: number, stops: readonly Colour[]): void {
  context.fillStyle = gradient(context, stops, top, bottom);
  context.fillRect(-0.2, top, widestFrame + 0.4, bottom - top + 0.002);
}

export function disc(context: SKRSContext2D, x: number, y: number, radius: number, high = radius): void {
  context.beginPath();
  context.ellipse(x, y, radius, high, 0, 0, turn);
  context.fill();
}

/** A soft light around a point. */
export function glow(
  context: SKRSContext2D,
  x: number,
  y: number,
  radius: number,
  colour: Colour,
  alpha: number,
): void {
  const made = context.createRadialGradient(x, y, 0, x, y, radius);
  made.addColorStop(0, css(colour, alpha));
  made.addColorStop(0.4, css(colour, alpha * 0.45));
  made.addColorStop(1, css(colour, 0));
  context.fillStyle = made;
  context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
}

/** The ground's or a hill's upper edge: `height` gives y for a place in the scene; the scene scrolls by a share. */
export function ridge(stage: Stage, parallax: number, height: (x: number) => number, bottom: number): void {
  const { context, scroll, width } = stage;
  const pieces = Math.round((width + 0.4) * 40);
  context.beginPath();
  context.moveTo(-0.2, bottom);
  for (let i = 0; i <= pieces; i++) {
    const x = -0.2 + (i / pieces) * (width + 0.4);
    context.lineTo(x, height(x + scroll * parallax));
  }
  context.lineTo(width + 0.2, bottom);
  context.closePath();
}

/** Things that stand in a row without an end: their places repeat after `period`. */
export function repeat<T extends { x: number }>(
  { scroll, width }: Stage,
  parallax: number,
  period: number,
  things: readonly T[],
  draw: (thing: T, x: number) => void,
): void {
  for (const thing of things) {
    const first = (((thing.x - scroll * parallax + 0.6) % period) + period) % period;
    for (let x = first - 0.6; x < width + 0.6; x += period) draw(thing, x);
  }
}
