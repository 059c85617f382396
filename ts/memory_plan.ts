import { z } from "zod";
import { checkOptions, option } from "./options/check.js";
import { loadOptions } from "./options/load_options.js";
import { schemaOf } from "./options/schema.js";

/** What a request needs of memory, by an estimate, and how it is computed to stay within what is allowed. */
export interface MemoryPlan {
  /** Bytes at most: the weights and the larger of the two others. */
  total: number;
  /** Bytes of the weights that are there at the same time: on a GPU within `maxMemory`, of the largest network alone. */
  weights: number;
  /** Bytes beside them while it denoises. */
  denoiser: number;
  /** Bytes beside them while it decodes. */
  decoder: number;
  /** Whether guidance's branches are evaluated one after another, which takes longer. */
  branchesApart: boolean;
  /** Whether the VAE works by tiles. */
  vaeTiling: boolean;
}

/** Whose memory a plan is of. */
export interface PlanOptions {
  /** A GPU need not be there for that. Default: what the model was loaded on. */
  device?: "cpu" | "cuda" | undefined;
  /** Bytes. Default: the `maxMemory` that the model was loaded with. */
  maxMemory?: number | undefined;
}

const planOptions = z.strictObject({
  device: option(z.enum(["cpu", "cuda"]), '"cpu" or "cuda"'),
  maxMemory: schemaOf(loadOptions.maxMemory.value),
});

/** Throws ERR_INVALID_OPTION. */
export function checkPlanOptions(options: PlanOptions): PlanOptions {
  return checkOptions(planOptions, options) as PlanOptions;
}
