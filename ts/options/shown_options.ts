import type { FilmSource, ImageSource } from "../media/index.js";
import { defaultStrength, mostFrames } from "./defaults.js";
import type { ImagePromptScales } from "./image_prompt.js";
import { kindOf, number, text, whole } from "./kinds.js";
import type { SampleOption } from "./option.js";
import type { SampleRequest } from "./sample_request.js";

/** The options with pictures and films that a model is shown, and how far they count. */
export const shownOptions = {
  instruction: {
    value: text(10_000),
    needs: "imageGuidance",
    flag: "--instruction <text>",
    help: "in place of --prompt: what to change in --image or --video, of a model that edits",
  },
  image: {
    value: kindOf<ImageSource>({ kind: "picture" }),
    flag: "--image <file>",
    help: "the picture to start from, to edit, or to paint anew in parts; of a film its first frame",
    label: "First picture",
  },
  minGuidanceScale: {
    value: number(0, 100),
    default: ({ imageToVideo }) => (imageToVideo ? 1 : undefined),
    native: true,
    needs: "imageToVideo",
    flag: "--min-guidance-scale <x>",
    help: "of Stable Video Diffusion: guidance at the first frame, and --guidance at the last",
    label: "Guidance of the first frame",
  },
  motionBucket: {
    value: number(0, 1023),
    default: ({ imageToVideo }) => (imageToVideo ? 127 : undefined),
    native: true,
    needs: "imageToVideo",
    flag: "--motion-bucket <n>",
    help: "of Stable Video Diffusion: how much moves; it learned 1 to 255",
    label: "How much moves",
  },
  noiseAugmentation: {
    value: number(0, 10),
    default: ({ imageToVideo }) => (imageToVideo ? 0.02 : undefined),
    native: true,
    needs: "imageToVideo",
    flag: "--noise-augmentation <x>",
    help: "of Stable Video Diffusion: noise on --image; more lets more move",
    label: "Noise on the picture",
  },
  lastImage: {
    value: kindOf<ImageSource>({ kind: "picture" }),
    needs: "lastImage",
    flag: "--last-image <file>",
    help: "the film's last frame",
    label: "Last picture",
  },
  video: {
    value: kindOf<FilmSource>({ kind: "film", most: mostFrames }),
    needs: "video",
    flag: "--video <path>",
    help: "the film or folder of frames to start from, to edit, or to paint anew in parts",
    label: "Start film",
  },
  strength: {
    value: number(0, 1),
    default: defaultStrength,
    native: true,
    needs: "strength",
    flag: "--strength <x>",
    help: "how far to leave it, 0 to 1 (default: 0.8, with --mask or --expand 1)",
    label: "Strength",
  },
  mask: {
    value: kindOf<FilmSource>({ kind: "film", most: mostFrames, mask: true }),
    needs: "mask",
    flag: "--mask <path>",
    help: "white where --image or --video is painted anew: a picture, or one a frame",
    label: "Mask",
  },
  expand: {
    value: kindOf<NonNullable<SampleRequest["expand"]>>({ kind: "margins", most: 4096 }),
    needs: "mask",
    flag: "--expand <l:r:t:b>",
    help: "paint so many pixels on the left, right, top and bottom of --image or --video anew",
  },
  imageGuidanceScale: {
    value: number(0, 100),
    default: 1.5,
    native: true,
    needs: "imageGuidance",
    flag: "--image-guidance-scale <x>",
    help: "how strongly that picture holds",
  },
  ipImage: {
    value: kindOf<ImageSource | readonly ImageSource[]>({ kind: "pictures", most: 16, fitted: false }),
    needs: "imagePrompt",
    flag: "--ip-image <file>",
    help: "a picture as a prompt, with --ip-adapter; may be given again",
  },
  ipScale: {
    value: kindOf<ImagePromptScales>({ kind: "imagePromptScales" }),
    default: 1,
    native: true,
    needs: "imagePrompt",
    flag: "--ip-scale <x>",
    help: "how far that picture counts, beside the text",
  },
  controls: {
    value: kindOf<NonNullable<SampleRequest["controls"]>>({ kind: "controls", most: 16, frames: mostFrames }),
    native: true,
    needs: "controls",
    flag: "--control <frames>",
    help: "frames for a --control-model, as depth/:0.8:0-0.5 or clip/:1:canny (scale, part of the steps); again: for the next",
  },
  structure: {
    value: whole(0, 7),
    default: 0,
    native: true,
    needs: "controls",
    flag: "--structure <n>",
    help: "leave out structure of these frames, 0 to 7",
  },
  keyframes: {
    value: kindOf<NonNullable<SampleRequest["keyframes"]>>({ kind: "keyframes", most: mostFrames }),
    native: true,
    needs: "keyframes",
    flag: "--keyframe <frame=file>",
    help: "a frame's picture for SparseCtrl, as 0=first.png; may be given again",
  },
  keyframeScale: {
    value: number(0, 10),
    default: 1,
    native: true,
    needs: "keyframes",
    flag: "--keyframe-scale <x>",
    help: "how strongly these hold",
  },
  temporalGuidance: {
    value: number(0, 100),
    native: true,
    needs: "motion",
    flag: "--temporal-guidance <x>",
    help: "from frames by themselves (0) to a video (1) and beyond",
  },
} as const satisfies { [Name in keyof SampleRequest]?: SampleOption<NonNullable<SampleRequest[Name]>> };
