import type { Recipe } from "cameo";

/** One row of the ablation: what is trained, over a model that is the same for all of them. */
export interface Variant {
  name: string;
  /** The row of table 3 in VideoMaker (arXiv 2412.19645) that it stands beside. */
  paper: string;
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
    paper: "PISA",
    trained: ["attn1"],
    referenceCrossAttention: false,
    objective: { alpha: 0, beta: 0 },
    references: asItIs,
  },
  {
    name: "girl",
    paper: "+ GIRL",
    trained: ["attn1"],
    referenceCrossAttention: false,
    objective: girl,
    references: asItIs,
  },
  {
    name: "cross",
    paper: "+ W/O cross toggled",
    trained: ["attn1"],
    referenceCrossAttention: true,
    objective: girl,
    references: asItIs,
  },
  {
    name: "motion",
    paper: "+ update motion",
    trained: ["attn1", "motion"],
    referenceCrossAttention: true,
    objective: girl,
    references: asItIs,
  },
  {
    name: "shp",
    paper: "+ SHP",
    trained: ["attn1", "motion"],
    referenceCrossAttention: true,
    objective: girl,
    references: highlighted,
  },
];
