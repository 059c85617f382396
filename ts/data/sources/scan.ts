import type { Dirent, Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  byName,
  isClip,
  isNumberedPicture,
  isOtherFilm,
  isOtherStill,
  isPicture,
  withoutExtension,
} from "../../media/names.js";

/** A folder with clips somewhere in it. */
export interface Folder {
  path: string;
  name: string;
  /** Names of files and frame folders that are clips. */
  clips: { name: string; isFolder: boolean }[];
  /** Names of files that would be clips, were their formats read. */
  unread: string[];
  /** Names of caption files: text files that are called as one of the clips is. */
  captions: Set<string>;
  /** Name of a Hugging Face metadata file. */
  metadata: string | undefined;
  folders: Folder[];
}

export interface ScanOptions {
  /** Whether single pictures are clips, too. */
  pictures: boolean;
  /** A folder that isn't looked into. */
  except: string | undefined;
}

interface Listing {
  files: string[];
  folders: string[];
}

/** What is in a folder of clips and in all folders below it, in the order of names. */
export async function scanFolder(path: string, options: ScanOptions): Promise<Folder> {
  return scan(path, "", await list(path), options, new Set([await realpath(path)]));
}

/** `above`: the folders on the way, where links would else lead round and round. */
async function scan(
  path: string,
  name: string,
  { files, folders }: Listing,
  options: ScanOptions,
  above: ReadonlySet<string>,
): Promise<Folder> {
  const isWanted = (file: string) => isClip(file) || (options.pictures && isPicture(file));
  const clips = files.filter(isWanted).map((file) => ({ name: file, isFolder: false }));
  const inner: Folder[] = [];
  for (const each of folders) {
    const below = join(path, each);
    const real = await realpath(below);
    if (above.has(real) || below === options.except) continue;
    const listing = await list(below);
    if (isFrameFolder(listing)) clips.push({ name: each, isFolder: true });
    else inner.push(await scan(below, each, listing, options, new Set([...above, real])));
  }
  const stems = new Set(clips.map((clip) => `${captionStem(clip)}.txt`));
  return {
    path,
    name,
    clips: clips.sort((a, b) => byName(a.name, b.name)),
    unread: files.filter((file) => isOtherFilm(file) || (options.pictures && isOtherStill(file))),
    captions: new Set(files.filter((file) => stems.has(file))),
    metadata: files.find(isMetadata),
    folders: inner,
  };
}

/** A clip's name as its caption file has it. */
export function captionStem({ name, isFolder }: Folder["clips"][number]): string {
  return isFolder ? name : withoutExtension(name);
}

const isMetadata = (file: string) => file === "metadata.csv" || file === "metadata.jsonl";

/** Numbered pictures are a clip's frames, but not where they have captions of their own. */
function isFrameFolder({ files, folders }: Listing): boolean {
  const pictures = files.filter(isPicture);
  const texts = new Set(files.filter((file) => file.endsWith(".txt")));
  return (
    folders.length === 0 &&
    pictures.length > 0 &&
    pictures.every(isNumberedPicture) &&
    !files.some((file) => isMetadata(file) || (isClip(file) && !isPicture(file))) &&
    !pictures.some((file) => texts.has(`${withoutExtension(file)}.txt`))
  );
}

async function list(path: string): Promise<Listing> {
  const listing: Listing = { files: [], folders: [] };
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const kind = await follow(path, entry);
    if (kind?.isDirectory()) listing.folders.push(entry.name);
    else if (kind?.isFile()) listing.files.push(entry.name);
  }
  listing.files.sort(byName);
  listing.folders.sort(byName);
  return listing;
}

/** What an entry, or the link that it is, leads to; undefined where that leads nowhere. */
async function follow(path: string, entry: Dirent): Promise<Dirent | Stats | undefined> {
  if (!entry.isSymbolicLink()) return entry;
  return stat(resolve(path, entry.name)).catch(() => undefined);
}
