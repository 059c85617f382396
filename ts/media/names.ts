import { extname } from "node:path";

const films = [".mp4", ".m4v", ".mov", ".webm", ".mkv"];
const otherFilms = [
  ...[".avi", ".wmv", ".asf", ".flv", ".f4v", ".mpg", ".mpeg", ".m2v", ".vob", ".ts", ".mts", ".m2ts"],
  ...[".3gp", ".3g2", ".ogv", ".rm", ".rmvb", ".dv", ".mxf", ".y4m"],
];
const animations = [".gif", ".webp"];
const stills = [".png", ".jpg", ".jpeg"];
const otherStills = [".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl", ".psd"];

/** Extensions of what may be a clip, and of what is a picture, .webp among both. */
export const clipExtensions: readonly string[] = [...films, ...animations];
export const pictureExtensions: readonly string[] = [...stills, ".webp"];

export const isFilm = (path: string): boolean => films.includes(extname(path).toLowerCase());
export const isStill = (path: string): boolean => stills.includes(extname(path).toLowerCase());
export const isClip = (path: string): boolean => clipExtensions.includes(extname(path).toLowerCase());
export const isPicture = (path: string): boolean => pictureExtensions.includes(extname(path).toLowerCase());

/** A film of a format that isn't read. */
export const isOtherFilm = (path: string): boolean => otherFilms.includes(extname(path).toLowerCase());
/** A picture of a format that isn't read. */
export const isOtherStill = (path: string): boolean => otherStills.includes(extname(path).toLowerCase());

/** A picture whose name, before the extension, ends in a number, as a frame's does. */
export function isNumberedPicture(name: string): boolean {
  return isPicture(name) && /\d$/.test(withoutExtension(name));
}

export function withoutExtension(path: string): string {
  return path.slice(0, path.length - extname(path).length);
}

const collator = new Intl.Collator("en", { numeric: true });

/** Orders names as people do: frame-9 before frame-10. Names that are alike to people keep an order, too. */
export function byName(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : Number(a > b));
}
