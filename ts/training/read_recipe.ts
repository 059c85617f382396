import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { CameoError } from "../errors.js";
import { fileReason } from "../media/files.js";
import { within } from "../options/check.js";
import { quoted } from "../quote.js";
import { completeRecipe, movableRecipe } from "./complete_recipe.js";
import type { CompleteRecipe } from "./complete_types.js";
import type { Recipe } from "./recipe.js";

const maxBytes = 2 ** 20;

export interface OpenedRecipe {
  /** With every default filled in; every path is absolute. */
  complete: CompleteRecipe;
  /** What the run's folder keeps of it. */
  movable: CompleteRecipe;
}

/**
 * A recipe with every default filled in, from a file of JSON with comments or from an object. Relative paths
 * are relative to the file's folder, or to the working directory. ERR_INVALID_OPTION says what is wrong where.
 */
export async function readRecipe(recipe: string | Recipe): Promise<CompleteRecipe> {
  return (await openRecipe(recipe)).complete;
}

/** What `readRecipe` returns, and how the run's folder keeps it. */
export async function openRecipe(recipe: string | Recipe): Promise<OpenedRecipe> {
  if (typeof recipe !== "string") return completed(recipe, folderOf(recipe));
  const place = placeOf(recipe);
  const text = await readText(recipe, place);
  return within(place, () => completed(parseRecipe(text), folderOf(recipe)));
}

function completed(recipe: unknown, folder: string): OpenedRecipe {
  return { complete: completeRecipe(recipe, folder), movable: movableRecipe(recipe, folder) };
}

/** What a recipe's relative paths are relative to. */
export function folderOf(recipe: string | Recipe): string {
  return typeof recipe === "string" ? dirname(recipe) : process.cwd();
}

/** What messages about a field begin with: a file's name, or nothing. */
export function placeOf(recipe: string | Recipe): string {
  return typeof recipe === "string" ? `recipe ${quoted(recipe)}: ` : "";
}

/** An error about a field, with `place` before its message; any other error as it is. */
export function located(error: unknown, place: string): unknown {
  if (!(error instanceof CameoError) || error.code !== "ERR_INVALID_OPTION") return error;
  return new CameoError(error.code, `${place}${error.message}`, { cause: error });
}

async function readText(path: string, place: string): Promise<string> {
  const invalid = (reason: string, cause?: unknown) =>
    new CameoError("ERR_INVALID_OPTION", `${place}${reason}`, { cause });
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) {
      throw invalid(`it is a folder; give the recipe's file, as in ${join(path, "recipe.json")}`);
    }
    if (!stats.isFile()) throw invalid("it is not a regular file; give a file of JSON");
    if (stats.size > maxBytes)
      throw invalid("it is larger than 1 MiB, which no recipe is; give a file of JSON");
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw invalid("it is not UTF-8 text; save it as UTF-8", cause);
    }
    throw invalid(`${fileReason(cause)}; check the path`, cause);
  }
}

function parseRecipe(text: string): unknown {
  const errors: ParseError[] = [];
  const recipe = parse(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error === undefined) return recipe;
  const before = text.slice(0, error.offset).split("\n");
  const column = (before.at(-1)?.length ?? 0) + 1;
  // "CommaExpected" as "comma expected".
  const reason = printParseErrorCode(error.error)
    .replaceAll(/\B[A-Z]/g, (letter) => ` ${letter}`)
    .toLowerCase();
  throw new CameoError(
    "ERR_INVALID_OPTION",
    `line ${before.length}, column ${column}: ${reason}; correct the JSON there`,
  );
}
