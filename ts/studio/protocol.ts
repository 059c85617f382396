import type { PipelineDescription } from "../description.js";
import type { Box, SampleRequest, StudioOption } from "../options/sample_options.js";

/** What the server and its page say to each other, as JSON. */

/** Options of one picture or film each. */
export type InputName = "image" | "lastImage" | "video" | "mask";

/** A video's pictures and films: of an order, ids of uploads; of an entry in the gallery, names of their copies. */
export interface Inputs extends Partial<Record<InputName, string>> {
  references?: readonly string[];
  /** In place of references. A region that is not a box is a mask. */
  subjects?: readonly {
    references: readonly string[];
    region?: Box | string;
    strength?: number;
    words?: string;
  }[];
}

/** What a page asks for. Options that are left out take the model's defaults. */
export interface VideoOrder extends Inputs, Partial<Pick<SampleRequest, Exclude<StudioOption, InputName>>> {
  /** How many videos; the first has the seed, and those beside it the numbers that follow. Default: 1. */
  count?: number;
}

/** An order's parameters for one video, with its own seed. */
export type VideoParameters = Omit<VideoOrder, keyof Inputs | "seed" | "count"> & { seed: number };

export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled";

export interface JobProgress {
  phase: "load" | "encode" | "denoise" | "decode" | "save";
  /** Units done of `steps` in this phase. */
  step: number;
  steps: number;
  etaSeconds?: number;
}

/** One video on its way. */
export interface Job {
  id: string;
  /** Jobs of one order are shown side by side. */
  group: string;
  state: JobState;
  parameters: VideoParameters;
  progress?: JobProgress;
  /** A data: URL of what the middle frame looks like so far. */
  preview?: string;
  /** Of a failed job: one line. */
  error?: string;
  /** Of a job that is done: its entry in the gallery. */
  entry?: string;
}

/** A video in the gallery. Its files are at `files/<id>/<name>?key=<fileKey>`. */
export interface GalleryEntry {
  id: string;
  /** ISO 8601. */
  created: string;
  /** Name of the video's file. */
  video: string;
  inputs: Inputs;
  /** Every parameter, with the defaults that were taken; an older video has fewer. */
  request: VideoParameters &
    Required<Pick<VideoParameters, "frames" | "fps" | "width" | "height">> &
    Record<string, unknown>;
  /** What was done differently from what the request said. */
  warnings: readonly string[];
  /** How long it took to make. */
  seconds: number;
}

/** What the page needs to know of the model. */
export type ModelState =
  | { state: "loading"; phase: "fetch" | "load"; step: number; steps: number }
  | { state: "failed"; error: string }
  | {
      state: "ready";
      device: string;
      dtype: string;
      /** Whether it takes references. */
      subject: boolean;
      /** Frames and references together at a time; null where it makes stills. */
      maxFrames: number | null;
      /** What every video of it needs. */
      required: PipelineDescription["required"];
      /** What it takes, and what is shown in fields that are empty. */
      defaults: PipelineDescription["options"];
    };

/** All that every tab shows. */
export interface StudioState {
  model: ModelState;
  /** The oldest first. */
  jobs: readonly Job[];
  /** The newest first. */
  gallery: readonly GalleryEntry[];
  /** Whether training runs can be shown. */
  runs: boolean;
  /** Opens pictures and videos, as `key` in their addresses: what shows them can't send the token. */
  fileKey: string;
}

/** A change of the state, as an event that the server sends; the first one on a connection is "state". */
export type StudioEvent =
  | { type: "state"; state: StudioState }
  | { type: "model"; model: ModelState }
  | { type: "job"; job: Job }
  | { type: "forget"; job: string }
  | { type: "entry"; entry: GalleryEntry }
  | { type: "delete"; entry: string };

/** A picture or a film that the server keeps until it ends. */
export interface Upload {
  id: string;
  width: number;
  height: number;
  /** Of a film: how many. */
  frames?: number;
}

export interface TrainingRun {
  name: string;
  /** Steps logged so far. */
  step: number;
  loss: number | null;
  learningRate: number;
  gradientNorm: number | null;
  /** When the newest step ended, in ISO 8601. */
  time: string;
}

/** The body of every answer that is not a success. */
export interface ErrorAnswer {
  code: string;
  message: string;
}
