import { extname, isAbsolute, relative, resolve, sep } from "node:path";
import { type Entry, type OnUnusable, unusable } from "./entry.js";
import { readableClass } from "./readable_class.js";
import { listError, type Row, type RowReader, readTable } from "./table.js";

export interface ListOptions {
  /** What the list's paths are relative to. */
  root: string;
  /** Kinetics' caption, with {class} in it. */
  caption: string;
  /** Whether a clip without a caption is of no use. */
  needsCaptions: boolean;
  /** Whether a column `motion_bucket` is heeded. */
  takesMotion: boolean;
  onUnusable: OnUnusable;
}

/** As of `objective.motionBucket`. */
const mostMotion = 1023;

const known =
  "path (or file_name) and caption (or text), with mask or subjects if there are any; videoid and name (WebVid); " +
  "or label and youtube_id (Kinetics)";

/** The clips of a .csv or .jsonl list, in its order; ERR_DATASET where the list can't be read. */
export async function readList(path: string, options: ListOptions): Promise<Entry[]> {
  if (![".csv", ".jsonl"].includes(extname(path).toLowerCase())) {
    throw listError(path, "it is neither a folder nor a .csv or .jsonl file; name it as what it is");
  }
  return readTable(path, (columns) => {
    const reader = readerOf(path, columns, options);
    return options.takesMotion ? withMotion(reader, options) : reader;
  });
}

function readerOf(path: string, columns: string[], options: ListOptions): RowReader<Entry> {
  const has = (...names: string[]) => names.find((name) => columns.includes(name));
  const [clip, caption] = [has("path", "file_name"), has("caption", "text")];
  if (clip && (caption || !options.needsCaptions)) return ownReader(path, clip, caption ?? "", options);
  if (has("videoid") && has("name")) return webVidReader(path, options);
  if (has("label") && has("youtube_id")) return kineticsReader(path, options);
  throw listError(path, `it has the columns ${columns.join(", ")}; what can be read is ${known}`);
}

/** What the reader gives, with the number in the row's column `motion_bucket` where there is one. */
function withMotion(read: RowReader<Entry>, { onUnusable }: ListOptions): RowReader<Entry> {
  return (row) => {
    const entry = read(row);
    const text = row.cells.motion_bucket?.trim();
    if (!entry || !text) return entry;
    const motionBucket = Number(text);
    if (motionBucket >= 0 && motionBucket <= mostMotion) return { ...entry, motionBucket };
    return unusable(
      onUnusable,
      entry.paths[0] as string,
      `its motion_bucket ${text} is no number from 0 to ${mostMotion}; mend it, or leave it empty for objective.motionBucket`,
    );
  };
}

function cell(list: string, { cells, line }: Row, column: string): string {
  const value = cells[column]?.trim();
  if (value) return value;
  throw listError(list, `line ${line} has no ${column}; mend or remove it`);
}

function ownReader(
  list: string,
  clipColumn: string,
  captionColumn: string,
  options: ListOptions,
): RowReader<Entry> {
  const { root, onUnusable } = options;
  return (row) => {
    const written = cell(list, row, clipColumn);
    const mask = row.cells.mask?.trim() || undefined;
    const subjectMasks = subjectMasksOf(list, row);
    const paths = [written, mask, ...(subjectMasks ?? [])];
    const outside = paths.find((path) => path && !isAbsolute(path) && !within(root, path));
    if (outside !== undefined) {
      return unusable(
        onUnusable,
        written,
        `${outside} leaves ${root}; write the path from the root of the disk`,
      );
    }
    const path = resolve(root, written);
    return captioned(options, row.cells[captionColumn], {
      name: within(root, path) ? slashed(relative(root, path)) : slashed(path),
      paths: [path],
      mask: mask && resolve(root, mask),
      subjectMasks: subjectMasks?.map((each) => resolve(root, each)),
    });
  };
}

/** Of the column `subjects`: JSON, an array with an object for each of a clip's subjects. */
function subjectMasksOf(list: string, { cells, line }: Row): string[] | undefined {
  const text = cells.subjects?.trim();
  if (!text) return undefined;
  const masks = subjectsCell(text);
  if (masks) return masks;
  throw listError(
    list,
    `line ${line} has subjects that are not as in [{"mask": "a.mp4"}, {"mask": "b.mp4"}]`,
  );
}

function subjectsCell(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const masks = Array.isArray(value) ? value.map((each) => each?.mask) : [];
    return masks.length > 0 && masks.every((mask) => typeof mask === "string" && mask.trim())
      ? masks
      : undefined;
  } catch {
    return undefined;
  }
}

/** WebVid: <page_dir>/<videoid>.mp4, as the data set's own downloader and others lay it out. */
function webVidReader(list: string, options: ListOptions): RowReader<Entry> {
  return (row) => {
    const file = `${cell(list, row, "videoid")}.mp4`;
    const folder = row.cells.page_dir?.trim();
    const name = folder ? `${folder}/${file}` : file;
    const names = [name, `videos/${name}`, file, `videos/${file}`];
    return inRoot(options, row.cells.name, Array.from(new Set(names)));
  };
}

/** Kinetics: <label>/<youtube_id>_<start>_<end>.mp4, as the data set's own crawler lays it out, or less of it. */
function kineticsReader(list: string, options: ListOptions): RowReader<Entry> {
  return (row) => {
    const [label, id] = [cell(list, row, "label"), cell(list, row, "youtube_id")];
    const [start, end] = [seconds(list, row, "time_start"), seconds(list, row, "time_end")];
    const files = start && end ? [`${id}_${start}_${end}.mp4`, `${id}.mp4`] : [`${id}.mp4`];
    const folders = [`${label}/`, `${label.replaceAll(" ", "_")}/`, ""];
    const names = folders.flatMap((folder) => files.map((file) => folder + file));
    const text = options.caption.replaceAll("{class}", readableClass(label));
    return inRoot(options, text, Array.from(new Set(names)));
  };
}

/** A time as Kinetics' file names have it: whole seconds in six digits. */
function seconds(list: string, { cells, line }: Row, column: string): string | undefined {
  const text = cells[column]?.trim();
  if (!text) return undefined;
  const value = Number(text);
  if (value >= 0) return String(Math.round(value)).padStart(6, "0");
  throw listError(
    list,
    `line ${line} has the ${column} ${text}, which is no time in seconds; mend or remove it`,
  );
}

/** A clip that a published list names in parts: none of them may lead out of the root. */
function inRoot(
  options: ListOptions,
  caption: string | null | undefined,
  names: string[],
): Entry | undefined {
  const { root, onUnusable } = options;
  const [name = ""] = names;
  if (names.some((each) => isAbsolute(each) || !within(root, each))) {
    return unusable(onUnusable, name, `its path leaves ${root}; mend or remove its line`);
  }
  return captioned(options, caption, {
    name,
    paths: names.map((each) => resolve(root, each)),
    mask: undefined,
  });
}

function captioned(
  { needsCaptions, onUnusable }: ListOptions,
  caption: string | null | undefined,
  entry: Omit<Entry, "caption">,
): Entry | undefined {
  const text = caption?.trim() ?? "";
  if (!text && needsCaptions)
    return unusable(onUnusable, entry.paths[0] as string, "it has no caption; write one, or remove its line");
  return { ...entry, caption: text };
}

function within(root: string, path: string): boolean {
  const inner = relative(root, resolve(root, path));
  return inner !== "" && inner !== ".." && !inner.startsWith(`..${sep}`) && !isAbsolute(inner);
}

const slashed = (path: string) => path.split(sep).join("/");
