import { join } from "node:path";
import { type ModelPaths, writeModel } from "./model_folder.js";

/** The scheduler config of Stable Diffusion 1.5. */
export const scheduler = {
  _class_name: "DDIMScheduler",
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  beta_end: 0.012,
  steps_offset: 1,
  set_alpha_to_one: false,
  clip_sample: false,
};

/** A small random model with motion modules and a subject, written to build/fixtures. */
export function writeSmallModel(name: string): ModelPaths {
  return writeModel(join("build/fixtures", name), { motion: "motion", subject: "subject", scheduler });
}
