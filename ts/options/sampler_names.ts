// Written by scripts/sampler-names.mjs, of native/samplers/table.def.

/** The name of a sampler. */
export type SamplerName =
  | "ddim"
  | "ddpm"
  | "pndm"
  | "euler"
  | "euler-ancestral"
  | "heun"
  | "lms"
  | "dpmpp-2m"
  | "dpmpp-2m-sde"
  | "dpmpp-sde"
  | "unipc"
  | "deis"
  | "lcm"
  | "tcd"
  | "ddim-lvdm"
  | "cogvideox-ddim"
  | "cogvideox-dpm"
  | "flow-euler"
  | "langevin"
  | "reverse-sde"
  | "predictor-corrector"
  | "probability-flow";

export const samplerNames: readonly SamplerName[] = [
  "ddim",
  "ddpm",
  "pndm",
  "euler",
  "euler-ancestral",
  "heun",
  "lms",
  "dpmpp-2m",
  "dpmpp-2m-sde",
  "dpmpp-sde",
  "unipc",
  "deis",
  "lcm",
  "tcd",
  "ddim-lvdm",
  "cogvideox-ddim",
  "cogvideox-dpm",
  "flow-euler",
  "langevin",
  "reverse-sde",
  "predictor-corrector",
  "probability-flow",
];
