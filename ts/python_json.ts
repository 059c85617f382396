/** Before a number's name, in a string of a parsed file: no file has it of its own, as JSON escapes it. */
const mark = "\u0000";
const token = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;
const marked = /"\\u0000(-?Infinity|NaN)"/g;

/**
 * As JSON.parse, of what Python writes: its NaN, Infinity and -Infinity, which JSON doesn't have, become strings that
 * `stringifyPythonJson` writes as they were.
 */
export function parsePythonJson(text: string): unknown {
  return JSON.parse(
    text.replace(token, (found) => (found.startsWith('"') ? found : JSON.stringify(mark + found))),
  );
}

/** As JSON.stringify. */
export function stringifyPythonJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(marked, "$1");
}
