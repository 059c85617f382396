import { CameoError } from "../../errors.js";

/** One clip with its caption, as a source names it; that the clip can be read is not known. */
export interface Entry {
  /** Its path within the source, with "/": the same wherever the data lies. */
  name: string;
  /** Where its file or frame folder may be; the first that exists is it. */
  paths: string[];
  caption: string;
  /** The mask that the list names. */
  mask: string | undefined;
  /** Where the list names several subjects: the mask of each. */
  subjectMasks?: string[] | undefined;
  /** How much moves in it, 0 to 1023, where the list says so and the recipe's kind heeds it. */
  motionBucket?: number | undefined;
}

/** Is told of a clip that is left out, and why. */
export type OnUnusable = (clip: string, reason: CameoError) => void;

/** Reports a clip that is left out. */
export function unusable(onUnusable: OnUnusable, clip: string, reason: string): undefined {
  onUnusable(clip, new CameoError("ERR_DATASET", `${clip}: ${reason}`));
}
