import { inspect } from "node:util";
import type { z } from "zod";
import { CameoError } from "../errors.js";
import { shortened } from "../quote.js";
import { closestName } from "./closest.js";

/** An option: what its value must be, for the schema and in words. */
export function option<T extends z.ZodType>(schema: T, allowed: string): T {
  return schema.describe(allowed);
}

/**
 * The checked options, or ERR_INVALID_OPTION with a message that names the first wrong option, its value and
 * what is allowed. An option within an option has a dotted name, as in `data.frames`.
 */
export function checkOptions<S extends z.ZodRawShape>(
  schema: z.ZodObject<S>,
  options: unknown,
): z.output<z.ZodObject<S>> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new CameoError("ERR_INVALID_OPTION", `the options must be an object, not ${shown(options)}`);
  }
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const { issues } = result.error;
  // Where a name is misspelt, another one may be missing for it.
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  throw wrongOption(schema, options, issue as z.core.$ZodIssue);
}

/** Of the deepest option on the issue's path: within an array, only what its objects have is an option of its own. */
function wrongOption(root: z.ZodObject, options: unknown, issue: z.core.$ZodIssue): CameoError {
  let [name, value, schema]: [string, unknown, z.core.$ZodType] = ["", options, root];
  for (const key of issue.path) {
    const child = childOf(schema, key);
    if (child === undefined) break;
    name = typeof key === "number" ? `${name}[${key}]` : dotted(name, String(key));
    value = (value as Record<PropertyKey, unknown>)[key];
    schema = child;
  }
  const shape = shapeOf(schema);
  if (issue.code === "unrecognized_keys" && Object.keys(shape).length > 0)
    return unknownOption(name, issue.keys[0] as string, shape);
  return notAllowed(name, value, (schema as z.ZodType).description ?? issue.message);
}

function childOf(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  if (typeof key !== "number") return shapeOf(schema)[String(key)];
  const { element } = withinDefaults(schema) as Partial<z.core.$ZodArrayDef>;
  return element && Object.keys(shapeOf(element)).length > 0 ? element : undefined;
}

/** Empty where a schema is not an object's. */
function shapeOf(schema: z.core.$ZodType): Record<string, z.core.$ZodType> {
  return (withinDefaults(schema) as Partial<z.core.$ZodObjectDef>).shape ?? {};
}

function withinDefaults(schema: z.core.$ZodType): z.core.$ZodTypeDef {
  const { innerType } = schema._zod.def as Partial<z.core.$ZodOptionalDef>;
  return innerType === undefined ? schema._zod.def : withinDefaults(innerType);
}

function dotted(parent: string, name: string): string {
  return parent === "" ? name : `${parent}.${name}`;
}

/** ERR_INVALID_OPTION, by its message. */
export function invalid(message: string): CameoError {
  return new CameoError("ERR_INVALID_OPTION", message);
}

/** ERR_INVALID_OPTION: "steps: 0 is not allowed; it must be a whole number from 1 to 1000". */
export function notAllowed(name: string, value: unknown, allowed: string): CameoError {
  const message =
    value === undefined
      ? `${name} is missing; it must be ${allowed}`
      : `${name}: ${shown(value)} is not allowed; it must be ${allowed}`;
  return new CameoError("ERR_INVALID_OPTION", message);
}

/** What `check` returns; the message of an error that it throws begins with `place`. */
export function within<T>(place: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof CameoError)) throw error;
    throw new CameoError(error.code, `${place}${error.message}`, { cause: error });
  }
}

function unknownOption(parent: string, name: string, shape: object): CameoError {
  const known = Object.keys(shape);
  const near = closestName(name, known);
  const remedy = near
    ? `did you mean ${dotted(parent, near)}?`
    : `the options${parent === "" ? "" : ` of ${parent}`} are ${known.join(", ")}`;
  return new CameoError(
    "ERR_INVALID_OPTION",
    `${shortened(dotted(parent, name))} is not an option; ${remedy}`,
  );
}

function shown(value: unknown): string {
  const text = inspect(value, { depth: 1, maxArrayLength: 4, maxStringLength: 60, breakLength: Infinity });
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
