/** Hue in degrees, saturation and lightness in percent. */
export type Colour = readonly [hue: number, saturation: number, lightness: number];

export function css([hue, saturation, lightness]: Colour, alpha = 1): string {
  return `hsla(${hue.toFixed(1)}, ${saturation.toFixed(1)}%, ${lightness.toFixed(1)}%, ${alpha})`;
}

export function lighter([hue, saturation, lightness]: Colour, by: number): Colour {
  return [hue, saturation, Math.min(97, Math.max(4, lightness + by))];
}

/** What lines around a colour are drawn with. */
export function ink([hue, saturation]: Colour): Colour {
  return [hue, Math.min(55, saturation * 0.6), 15];
}
