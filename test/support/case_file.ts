import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** What a script of test/fixtures/make says of a case, in the case's folder. */
export function readCaseFile<T>(folder: string): T {
  return JSON.parse(gunzipSync(readFileSync(join(folder, "case.json.gz"))).toString()) as T;
}
