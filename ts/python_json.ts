/** Before a number's name, in a string of a parsed file: no file has it of its own, as JSON escapes it. */
const mark = "\u0000";
// A string that doesn't end takes the rest, lest each of its quotes be tried as the start of another one.
const token = /"(?:[^"\\]|\\[\s\S])*(?:"|$)|-?Infinity|NaN/g;
const marked = /"\\u0000(-?Infinity|NaN)"/g;

/**
 * As JSON.parse, of what Python writes: its NaN, Infinity and -Infinity, which JSON doesn't have, become strings that
 * `stringifyPythonJson` writes as they were.
 */
export function parsePythonJson(text: string): unknown {
  return JSON.parse(quotedNumbers(text, mark));
}

/** As `parsePythonJson`, but the strings are "NaN", "Infinity" and "-Infinity", as the native half reads them. */
export function parsePythonJsonPlainly(text: string): unknown {
  return JSON.parse(quotedNumbers(text, ""));
}

function quotedNumbers(text: string, before: string): string {
  return text.replace(token, (found) => (found.startsWith('"') ? found : JSON.stringify(before + found)));
}

/** As JSON.stringify. */
export function stringifyPythonJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(marked, "$1");
}
