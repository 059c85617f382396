import type { SampleDefaults } from "../shipped_model/index.js";
import type { Kind, Shape } from "./kinds.js";
import type { SampleRequest } from "./sample_request.js";

/** What a model's requests take where they say nothing, in place of what the table has. */
export type ModelDefaults = Partial<
  Pick<
    SampleRequest,
    | keyof SampleDefaults
    | ("frames" | "fps" | "frameStride" | "steps" | "clipSkip" | "longPrompt")
    | ("guidanceRescale" | "imageGuidanceScale" | "referenceLatents")
  >
>;

/** What a request is checked against, and what its defaults may depend on: a part of `PipelineDescription`. */
export interface Loaded {
  readonly text: boolean;
  readonly clipText: boolean;
  readonly image: boolean;
  readonly imageToVideo: boolean;
  readonly motionBucket: boolean;
  readonly frameStride: boolean;
  readonly pictureLatents: boolean;
  readonly imageSize?: "shape" | "own";
  readonly films?: boolean;
  readonly video: boolean;
  readonly windows: boolean;
  readonly caching: boolean;
  readonly subject: boolean;
  readonly subjectRegions?: boolean;
  readonly referenceSize?: "own";
  readonly imageGuidance: boolean;
  readonly instruction?: boolean;
  readonly dynamicGuidance?: boolean;
  readonly conditioning?: boolean;
  readonly referencesOptional?: boolean;
  readonly strength: boolean;
  readonly mask: boolean;
  readonly imagePrompt: boolean;
  readonly controls: number;
  readonly keyframes: boolean;
  readonly lastImage: boolean;
  readonly required: readonly ("image" | "mask")[];
  readonly scheduler: string;
  readonly motion: { readonly maxFrames: number } | null;
  readonly latentScale: number;
  readonly defaultSize: readonly [width: number, height: number];
  /** In place of the table's. */
  readonly defaults?: ModelDefaults;
}

/** All that is said of an option beside its type and its comment in `SampleRequest`. */
export interface SampleOption<T> {
  readonly value: Kind<T>;
  /** What it is where a request says nothing and the model has no default of its own. */
  readonly default?: T | ((loaded: Loaded, given: Partial<SampleRequest>) => T | undefined);
  /** Instead of a default: drawn anew for each request. */
  readonly draw?: () => T;
  /** Where the model has what it needs. */
  readonly required?: true;
  /** The native half takes it, in native/pipeline/request.cc: as it is, or as `nativeForms` has it. */
  readonly native?: true;
  /** What it is of no use without. */
  readonly needs?:
    | "text"
    | "image"
    | "motionBucket"
    | "frameStride"
    | "pictureLatents"
    | "clipText"
    | "video"
    | "windows"
    | "caching"
    | "subject"
    | "subjectRegions"
    | "imageGuidance"
    | "instruction"
    | "dynamicGuidance"
    | "conditioning"
    | "strength"
    | "mask"
    | "lastImage"
    | "controls"
    | "keyframes"
    | "motion"
    | "imagePrompt";
  /** Of one call: it doesn't belong to what makes the frames, nor to `video.request`. */
  readonly ofCall?: true;
  /** On the command line. Options with the same flag share it, as "--size" is width and height. */
  readonly flag?: `--${string}`;
  /** The flag's, to which a plain default is added, and of a choice its names. */
  readonly help?: string;
  /** Of its field in the studio. */
  readonly label?: string;
}

/** An option as the table has it, whichever it is. */
export type AnyOption = Omit<SampleOption<never>, "value" | "default" | "draw"> & {
  readonly value: Shape;
  readonly default?: unknown;
  readonly draw?: () => unknown;
};
