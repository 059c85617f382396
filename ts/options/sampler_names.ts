// Written by scripts/sampler-names.mjs, of native/samplers/table.def.

/** The samplers that a request may name. */
export const samplerNames = [
  "ddim",
  "ddpm",
  "pndm",
  "euler",
  "euler-ancestral",
  "heun",
  "dpmpp-2m",
  "dpmpp-2m-sde",
  "dpmpp-sde",
  "unipc",
  "deis",
  "lcm",
  "tcd",
  "flow-euler",
  "langevin",
  "reverse-sde",
  "predictor-corrector",
  "probability-flow",
] as const;

/** The name of a sampler. */
export type SamplerName = (typeof samplerNames)[number];
