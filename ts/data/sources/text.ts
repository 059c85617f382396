import { readRegularFile } from "../../media/files.js";

/** A text file's content without its byte order mark; an Error that says so where it is not UTF-8. */
export async function readText(path: string): Promise<string> {
  const bytes = await readRegularFile(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error("it is not UTF-8; save it as UTF-8", { cause });
  }
}
