import type { Recipe } from "cameo";

/** A row of table 3 in VideoMaker (arXiv 2412.19645), of people, in the order of `paperMeasures`. */
interface PaperRow {
  name: string;
  values: readonly number[];
}

export const paperMeasures = ["CLIP-T", "Face", "CLIP-I", "DINO-I", "T.Cons.", "DD"] as const;

/** One row of the ablation: what is trained, over a model that is the same for all of them. */
export interface Variant {
  name: string;
  paper: PaperRow;
  trained: string[];
  referenceCrossAttention: boolean;
  objective: { alpha: number; beta: number };
  references: NonNullable<Recipe["data"]["references"]>;
}

/** A hundredth of the paper's beta: min-SNR weights make the video's loss about a hundredth of what it was. */
const girl = { alpha: 0.01, beta: 0.001 };
/** Without subject highlight preprocessing a reference is a frame as it is. */
const asItIs = { candidates: 4, highlight: false, flip: 0, affine: false } as const;
const highlighted = { candidates: 4, highlight: true };

/** Each has one thing more than the one before, as in the paper. */
export const variants: readonly Variant[] = [
  {
    name: "pisa",
    paper: { name: "PISA", values: [0.2206, 0.7928, 0.7966, 0.6694, 0.9671, 0.2725] },
    trained: ["attn1"],
    referenceCrossAttention: false,
    objective: { alpha: 0, beta: 0 },
    references: asItIs,
  },
  {
    name: "girl",
    paper: { name: "+ GIRL", values: [0.2258, 0.8184, 0.8484, 0.7536, 0.9855, 0.275] },
    trained: ["attn1"],
    referenceCrossAttention: false,
    objective: girl,
    references: asItIs,
  },
  {
    name: "cross",
    paper: { name: "+ W/O cross toggled", values: [0.2291, 0.8454, 0.8469, 0.7351, 0.9747, 0.2915] },
    trained: ["attn1"],
    referenceCrossAttention: true,
    objective: girl,
    references: asItIs,
  },
  {
    name: "motion",
    paper: { name: "+ update motion", values: [0.2302, 0.8563, 0.8674, 0.7635, 0.9823, 0.3575] },
    trained: ["attn1", "motion"],
    referenceCrossAttention: true,
    objective: girl,
    references: asItIs,
  },
  {
    name: "shp",
    paper: { name: "+ SHP", values: [0.2586, 0.8047, 0.8285, 0.7119, 0.9818, 0.3725] },
    trained: ["attn1", "motion"],
    referenceCrossAttention: true,
    objective: girl,
    references: highlighted,
  },
];
