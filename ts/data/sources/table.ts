import { extname } from "node:path";
import { type CsvError, parse } from "csv-parse/sync";
import { CameoError } from "../../errors.js";
import { fileReason } from "../../media/files.js";
import { readText } from "./text.js";

/** A record of a list: its cells by column; null where a JSONL file says so. */
export interface Row {
  cells: Record<string, string | null>;
  /** Where it stands in the file; the first line is 1. */
  line: number;
}

/** What a list's columns mean to a caller that knows them: `read` gives undefined for a row that it leaves out. */
export type RowReader<T> = (row: Row) => T | undefined;

/**
 * Goes through a .csv file with a header, or a .jsonl file of objects. `choose` gets the columns (a .jsonl file's are
 * its first line's keys) and gives what reads the rows. ERR_DATASET where the file can't be read, with the line where it
 * is malformed.
 */
export async function readTable<T>(path: string, choose: (columns: string[]) => RowReader<T>): Promise<T[]> {
  const text = await readText(path).catch((cause) => {
    throw listError(path, `it can't be read: ${fileReason(cause)}`, cause);
  });
  const items =
    extname(path).toLowerCase() === ".csv" ? readCsv(path, text, choose) : readJsonl(path, text, choose);
  if (items === undefined) throw listError(path, "it is empty; give a list with at least one clip");
  return items;
}

export function listError(path: string, reason: string, cause?: unknown): CameoError {
  return new CameoError("ERR_DATASET", `list ${path}: ${reason}`, { cause });
}

function readCsv<T>(
  path: string,
  text: string,
  choose: (columns: string[]) => RowReader<T>,
): T[] | undefined {
  let read: RowReader<T> | undefined;
  const items: T[] = [];
  try {
    parse(text, {
      columns: (header: string[]) => {
        const columns = header.map((column) => column.trim());
        read = choose(columns);
        return columns;
      },
      skip_empty_lines: true,
      relax_quotes: true,
      // Rows are made into items one by one, so that not all of both are in memory.
      on_record: (cells: Record<string, string>, { lines }) => {
        const item = read?.({ cells, line: lines });
        if (item !== undefined) items.push(item);
        return null;
      },
    });
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    const { lines, message } = cause as CsvError & { lines?: number };
    const reason = message.replace(/\s*(on|at) line \d+.*$/s, "").replace(/\s+/g, " ");
    throw listError(path, `line ${lines ?? 1} is malformed (${reason}); mend or remove it`, cause);
  }
  return read && items;
}

function readJsonl<T>(
  path: string,
  text: string,
  choose: (columns: string[]) => RowReader<T>,
): T[] | undefined {
  let read: RowReader<T> | undefined;
  const items: T[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const cells = parseObject(path, line, i + 1);
    read ??= choose(Object.keys(cells));
    const item = read({ cells, line: i + 1 });
    if (item !== undefined) items.push(item);
  }
  return read && items;
}

function parseObject(path: string, line: string, number: number): Row["cells"] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw listError(path, `line ${number} is not JSON; mend or remove it`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw listError(
      path,
      `line ${number} is not an object such as {"path": "clip.mp4", "caption": "A fox."}`,
    );
  }
  const cells = Object.entries(value).map(([key, cell]) => [key, textOf(cell)]);
  return Object.fromEntries(cells) as Row["cells"];
}

/** As a .csv file has it: what is in it stays JSON. */
function textOf(cell: unknown): string | null {
  if (cell === null) return null;
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}
