import { isDeepStrictEqual } from "node:util";
import type { CompleteRecipe } from "./complete_types.js";

/**
 * Fields, and all that is in them, that may change from one part of a run to the next. Of paths, what is there is
 * compared by its content.
 */
const free = [
  "model.base",
  "model.motion",
  "model.subject",
  "data.source",
  "data.root",
  "data.masks",
  "output",
  "device",
  "modelDtype",
  "checkpoints",
  "validation",
  "data.workers",
  "data.prefetch",
  "data.cache.folder",
  "distributed.timeoutSeconds",
];

/** A field by its dotted name, and its two values. */
interface Difference {
  name: string;
  saved: unknown;
  now: unknown;
}

/**
 * The fields whose change would make a resumed run another run than the one that was saved; empty where it can be
 * resumed. `steps` may grow, but not where a cosine's length depends on them.
 */
export function resumeDifferences(saved: CompleteRecipe, now: CompleteRecipe): Difference[] {
  const [before, after] = [fields(saved), fields(now)];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const grows = now.steps >= saved.steps && now.optimizer.schedule !== "cosine";
  return names
    .map((name) => ({ name, saved: before.get(name), now: after.get(name) }))
    .filter((field) => !isDeepStrictEqual(field.saved, field.now) && !(field.name === "steps" && grows));
}

/** Values by their dotted names; what can't change a run is left out. */
function fields(recipe: object, parent = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [key, value] of Object.entries(recipe)) {
    const name = `${parent}${key}`;
    if (free.includes(name)) continue;
    const isGroup = typeof value === "object" && value !== null && !Array.isArray(value);
    const inner = isGroup ? fields(value, `${name}.`) : [[name, value] as const];
    for (const [path, field] of inner) found.set(path, field);
  }
  return found;
}
