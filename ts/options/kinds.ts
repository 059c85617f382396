/** What an option's values are, as data alone: the studio's page reads it, too. */
export type Shape =
  | { readonly kind: "text"; readonly longest: number }
  /** "range" is two numbers in rising order. */
  | { readonly kind: "whole" | "number" | "range"; readonly min: number; readonly max: number }
  | { readonly kind: "choice"; readonly names: readonly string[] }
  | { readonly kind: "file"; readonly ending: string }
  /** "fitted" to the video's size where nothing else is said. */
  | { readonly kind: "pictures"; readonly most: number; readonly fitted?: false }
  /** Of at most so many frames, in any of the forms of `FilmSource`; of a `mask` a single one stands for all of the request's. */
  | { readonly kind: "film"; readonly most: number; readonly mask?: true }
  /** Films for ControlNets, and how they count; pictures by their frames. */
  | { readonly kind: "controls"; readonly most: number; readonly frames: number }
  | { readonly kind: "keyframes"; readonly most: number }
  /** Pixels on the left, right, top and bottom. */
  | { readonly kind: "margins"; readonly most: number }
  /** Subjects, each with pictures, a region, a strength and words; masks have at most so many frames. */
  | { readonly kind: "subjects"; readonly frames: number; readonly longest: number }
  /** A text, or texts by the frames at which they hold. */
  | { readonly kind: "prompt"; readonly longest: number; readonly most: number }
  /** Windows' length and overlap, in frames, and how they lie. */
  | { readonly kind: "context"; readonly most: number }
  /** Whether, or how, a film is sampled again from its own slow motions. */
  | { readonly kind: "freeInit" }
  /** One of the names, the path of a scheduler_config.json, or what is in one. */
  | { readonly kind: "scheduler"; readonly names: readonly string[] }
  /** Where weights are: "file or folder". "paths" is one or an array of at most `most`. */
  | { readonly kind: "path"; readonly what: string }
  | { readonly kind: "paths"; readonly what: string; readonly most: number }
  /** Files of textual inversion, or of such with tokens. */
  | { readonly kind: "embeddings"; readonly what: string; readonly most: number }
  /** A number, {scale, blocks, from, to} or an array of these. */
  | { readonly kind: "imagePromptScales" }
  /** A path, {path, scale, blocks} or an array of these. */
  | { readonly kind: "loras"; readonly what: string }
  /** Devices' names, at most so many. */
  | { readonly kind: "devices"; readonly most: number }
  /** "bytes" is how many, "device" a device's name. */
  | { readonly kind: "picture" | "switch" | "bytes" | "device" | "signal" | "callback" };

declare const typed: unique symbol;

/** A shape whose values have the type T, and no wider or narrower one. */
export type Kind<T> = Shape & { readonly [typed]: (value: T) => T };

export function kindOf<T>(shape: Shape): Kind<T> {
  return shape as Kind<T>;
}

export const text = (longest: number) => kindOf<string>({ kind: "text", longest });
export const whole = (min: number, max: number) => kindOf<number>({ kind: "whole", min, max });
export const number = (min: number, max: number) => kindOf<number>({ kind: "number", min, max });
export const range = (min: number, max: number) =>
  kindOf<readonly [number, number]>({ kind: "range", min, max });
export const oneOf = <const Names extends readonly string[]>(...names: Names) =>
  kindOf<Names[number]>({ kind: "choice", names });
/** The path of a file, whose name has this ending. */
export const file = (ending: string) => kindOf<string>({ kind: "file", ending });
export const yesOrNo = kindOf<boolean>({ kind: "switch" });
