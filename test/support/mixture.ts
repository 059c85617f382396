// How samplers are measured on a mixture of Gaussians whose score is known (test/native/samplers/mixture.cc).
import type { SamplerName } from "#ts/options/sampler_names.js";
import { runProbe } from "./probes.js";

/** A sampler with fields of a scheduler config. */
export interface SamplerCase {
  sampler: SamplerName;
  fields?: Record<string, unknown>;
}

/** One that follows the probability flow, and its error's order in the length of the steps. */
export interface FlowCase extends SamplerCase {
  order: number;
}

// Steps are of equal length in a time in which the flow is smooth: in Karras' sigmas, or in the timesteps of leading spacing
// away from the clean end, where sigma grows as the root of the timestep.
const karras = { use_karras_sigmas: true };
const leading = { timestep_spacing: "leading", num_train_timesteps: 2560, smallest: 0.3 };

/** Orders are the papers'. Of the corrector's doing, UniPC's is one above its `solver_order`. */
export const flowCases: Readonly<Record<string, FlowCase>> = {
  DDIM: { sampler: "ddim", order: 1, fields: { clip_sample: false, ...leading } },
  "LVDM's DDIM": { sampler: "ddim-lvdm", order: 1, fields: leading },
  "CogVideoX's DDIM": { sampler: "cogvideox-ddim", order: 1, fields: { snr_shift_scale: 1, ...leading } },
  "PNDM, linear multistep": { sampler: "pndm", order: 2, fields: { skip_prk_steps: true, ...leading } },
  "PNDM, Runge-Kutta": { sampler: "pndm", order: 2, fields: leading },
  Euler: { sampler: "euler", order: 1, fields: karras },
  "flow Euler": {
    sampler: "flow-euler",
    order: 1,
    fields: { prediction_type: "flow_prediction", largest: 60 },
  },
  Heun: { sampler: "heun", order: 2, fields: karras },
  LMS: { sampler: "lms", order: 4, fields: karras },
  "DPM++ 1M": { sampler: "dpmpp-2m", order: 1, fields: { solver_order: 1, ...karras } },
  "DPM++ 2M": { sampler: "dpmpp-2m", order: 2, fields: karras },
  "DPM++ 2M, Heun's": { sampler: "dpmpp-2m", order: 2, fields: { solver_type: "heun", ...karras } },
  // Not 3: in diffusers the second derivative's part of a step is half of what it should be.
  "DPM++ 3M": { sampler: "dpmpp-2m", order: 2, fields: { solver_order: 3, ...karras } },
  "DPM-Solver 2M": {
    sampler: "dpmpp-2m",
    order: 2,
    fields: { algorithm_type: "dpmsolver", final_sigmas_type: "sigma_min", ...karras },
  },
  "UniPC 1": { sampler: "unipc", order: 2, fields: { solver_order: 1, ...karras } },
  "UniPC 2": { sampler: "unipc", order: 3, fields: karras },
  "UniPC 2, bh1": { sampler: "unipc", order: 3, fields: { solver_type: "bh1", ...karras } },
  "UniPC 3": { sampler: "unipc", order: 4, fields: { solver_order: 3, ...karras } },
  "DEIS 1": { sampler: "deis", order: 1, fields: { solver_order: 1, ...karras } },
  "DEIS 2": { sampler: "deis", order: 2, fields: karras },
  "DEIS 3": { sampler: "deis", order: 3, fields: { solver_order: 3, ...karras } },
};

/** Those whose samples have chance in every step. */
export const stochasticCases: Readonly<Record<string, SamplerCase>> = {
  DDPM: { sampler: "ddpm", fields: { clip_sample: false } },
  "DDIM, eta 1": { sampler: "ddim", fields: { clip_sample: false, eta: 1 } },
  "Euler ancestral": { sampler: "euler-ancestral" },
  "DPM++ 2M SDE": { sampler: "dpmpp-2m-sde", fields: karras },
  "CogVideoX's DPM++": { sampler: "cogvideox-dpm", fields: { snr_shift_scale: 1 } },
  "DPM++ SDE": { sampler: "dpmpp-sde", fields: karras },
  "reverse SDE": { sampler: "reverse-sde" },
  "predictor and corrector": { sampler: "predictor-corrector" },
  Langevin: { sampler: "langevin" },
};

/** From clean to noise alone, over timesteps that 10, 20, ... 640 steps divide evenly. */
const schedule = { num_train_timesteps: 2561, beta_start: 0.0004, beta_end: 0.0075, beta_schedule: "linear" };

function measure(probe: string, { sampler, fields }: SamplerCase, settings: object) {
  return runProbe(`samplers.${probe}`, { ...schedule, sampler, ...fields, ...settings }, {});
}

/**
 * The root of the mean square of what a sampler is off the probability flow with so many steps, and how often each asked the
 * model.
 */
export function flowErrors(of: SamplerCase, steps: readonly number[]) {
  const { errors, evaluations } = measure("flow_error", of, { steps, count: 16 });
  return { errors: numbers(errors), evaluations: numbers(evaluations) };
}

/** The mean, 2 numbers, and the covariance, 2 x 2, of samples and of the mixture. */
export function moments(of: SamplerCase, { steps, count }: { steps: number; count: number }) {
  const { sampled, exact } = measure("moments", of, { steps, count });
  return { sampled: numbers(sampled), exact: numbers(exact) };
}

/**
 * The logarithm of the density of points of the mixture, nats: by the probability flow with random probes, the same without
 * chance, and exact.
 */
export function likelihoods(settings: { count: number; probes: number }) {
  const { estimated, found, exact } = runProbe("samplers.likelihood", { ...schedule, ...settings }, {});
  return { estimated: numbers(estimated), found: numbers(found), exact: numbers(exact) };
}

/** How fast errors fall from each number of steps to the next: the exponent of the step's length. */
export function orders(steps: readonly number[], errors: readonly number[]): number[] {
  return errors
    .slice(1)
    .map(
      (error, i) =>
        Math.log((errors[i] ?? Number.NaN) / error) / Math.log((steps[i + 1] ?? 0) / (steps[i] ?? 0)),
    );
}

function numbers(tensor: { data: ArrayLike<number> } | undefined): number[] {
  return Array.from(tensor?.data ?? []);
}
