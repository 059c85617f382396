import { z } from "zod";
import type { TrainerOptions } from "../training/open_parts.js";
import { checkOptions, option } from "./check.js";

const signal = option(z.instanceof(AbortSignal).optional(), "an AbortSignal");

const openSchema = z.strictObject({
  resume: option(z.boolean().optional(), "true or false"),
  signal,
  onProgress: option(
    z.custom<NonNullable<TrainerOptions["onProgress"]>>((value) => typeof value === "function").optional(),
    "a function",
  ),
  membership: option(
    z
      .custom<NonNullable<TrainerOptions["membership"]>>(
        (value) => typeof value === "object" && value !== null,
      )
      .optional(),
    "this process's place among others",
  ),
});

const runSchema = z.strictObject({ signal });

/** The options of `Trainer.open`, or ERR_INVALID_OPTION. */
export function checkTrainerOptions(options: TrainerOptions): TrainerOptions {
  return checkOptions(openSchema, options);
}

/** The options of `trainer.run`, or ERR_INVALID_OPTION. */
export function checkRunOptions(options: { signal?: AbortSignal | undefined }) {
  return checkOptions(runSchema, options);
}
