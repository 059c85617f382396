import { inspect } from "node:util";
import type { z } from "zod";
import { CameoError } from "../errors.js";
import { closestName } from "./closest.js";

/** An option: what its value must be, for the schema and in words. */
export function option<T extends z.ZodType>(schema: T, allowed: string): T {
  return schema.describe(allowed);
}

/**
 * The checked options, or ERR_INVALID_OPTION with a message that names the first wrong option, its value and
 * what is allowed.
 */
export function checkOptions<S extends z.ZodRawShape>(
  schema: z.ZodObject<S>,
  options: unknown,
): z.output<z.ZodObject<S>> {
  if (typeof options !== "object" || options === null) {
    throw new CameoError("ERR_INVALID_OPTION", `the options must be an object, not ${shown(options)}`);
  }
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const issue = result.error.issues[0] as z.core.$ZodIssue;
  if (issue.code === "unrecognized_keys") throw unknownOption(issue.keys[0] as string, schema);
  const name = String(issue.path[0]);
  const allowed = (schema.shape[name] as z.ZodType | undefined)?.description ?? issue.message;
  throw notAllowed(name, (options as Record<string, unknown>)[name], allowed);
}

/** ERR_INVALID_OPTION: "steps: 0 is not allowed; it must be a whole number from 1 to 1000". */
export function notAllowed(name: string, value: unknown, allowed: string): CameoError {
  const message =
    value === undefined
      ? `${name} is missing; it must be ${allowed}`
      : `${name}: ${shown(value)} is not allowed; it must be ${allowed}`;
  return new CameoError("ERR_INVALID_OPTION", message);
}

function unknownOption(name: string, schema: z.ZodObject): CameoError {
  const known = Object.keys(schema.shape);
  const near = closestName(name, known);
  const remedy = near ? `did you mean ${near}?` : `the options are ${known.join(", ")}`;
  return new CameoError("ERR_INVALID_OPTION", `${name} is not an option; ${remedy}`);
}

function shown(value: unknown): string {
  const text = inspect(value, { depth: 0, maxArrayLength: 4, maxStringLength: 60, breakLength: Infinity });
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
