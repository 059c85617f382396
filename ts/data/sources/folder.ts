import { extname, join, relative, resolve, sep } from "node:path";
import { fileReason } from "../../media/files.js";
import { isOtherStill, withoutExtension } from "../../media/names.js";
import { type Entry, type OnUnusable, unusable } from "./entry.js";
import { readableClass } from "./readable_class.js";
import { captionStem, type Folder } from "./scan.js";
import { listError, readTable } from "./table.js";
import { readText } from "./text.js";

/** Caption files that are open at a time. */
const openAtOnce = 64;

/** Every clip of a folder and of those below it, with the caption that a metadata file or a text file beside it has. */
export async function readFolder(
  root: Folder,
  needsCaptions: boolean,
  onUnusable: OnUnusable,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const { folder, captions } of await withCaptions(root, onUnusable)) {
    reportUnread(folder, onUnusable);
    for (let i = 0; i < folder.clips.length; i += openAtOnce) {
      const some = folder.clips.slice(i, i + openAtOnce);
      const read = await Promise.all(some.map((clip) => captionOf(clip, folder, captions)));
      for (const [j, { caption, reason }] of read.entries()) {
        const path = join(folder.path, some[j]?.name ?? "");
        if (caption || !needsCaptions) entries.push(entry(root, path, caption ?? ""));
        else unusable(onUnusable, path, reason ?? "its caption is empty; write one");
      }
    }
  }
  return entries;
}

function reportUnread({ path, unread }: Folder, onUnusable: OnUnusable): void {
  for (const name of unread) {
    const stem = withoutExtension(name);
    const remedy = isOtherStill(name)
      ? "save it as PNG or JPEG"
      : `convert it: ffmpeg -i ${JSON.stringify(name)} -crf 18 ${JSON.stringify(`${stem}.mp4`)}`;
    unusable(onUnusable, join(path, name), `${extname(name)} isn't read; ${remedy}`);
  }
}

/** A clip's caption, or why it has none. */
async function captionOf(
  clip: Folder["clips"][number],
  folder: Folder,
  captions: ReadonlyMap<string, string>,
): Promise<{ caption?: string; reason?: string }> {
  const caption = captions.get(join(folder.path, clip.name));
  if (caption !== undefined) return { caption };
  const name = `${captionStem(clip)}.txt`;
  const path = join(folder.path, name);
  if (!folder.captions.has(name)) return { reason: `it has no caption; write one to ${path}` };
  try {
    return { caption: (await readText(path)).trim() };
  } catch (error) {
    return { reason: `its caption ${path} can't be read: ${fileReason(error)}` };
  }
}

/** Every clip of a folder's folders, with the folder's name in the caption. */
export function readClasses(root: Folder, template: string, onUnusable: OnUnusable): Entry[] {
  for (const folder of allFolders(root)) reportUnread(folder, onUnusable);
  return root.folders.flatMap((each) => {
    const caption = template.replaceAll("{class}", readableClass(each.name));
    return allFolders(each).flatMap(({ path, clips }) =>
      clips.map(({ name }) => entry(root, join(path, name), caption)),
    );
  });
}

/** Folders with clips, in a folder without any and without captions, are classes. */
export function looksLikeClasses(root: Folder): boolean {
  const folders = allFolders(root);
  const hasCaptions = folders.some(({ captions, metadata }) => captions.size > 0 || metadata !== undefined);
  return !hasCaptions && root.clips.length === 0 && folders.some(({ clips }) => clips.length > 0);
}

function allFolders(folder: Folder): Folder[] {
  return [folder, ...folder.folders.flatMap(allFolders)];
}

function entry(root: Folder, path: string, caption: string): Entry {
  const name = relative(root.path, path).split(sep).join("/");
  return { name, paths: [path], caption, mask: undefined };
}

/** Every folder, with the captions by path that metadata files in it or above it have for its clips. */
async function withCaptions(
  root: Folder,
  onUnusable: OnUnusable,
  above: ReadonlyMap<string, string> = new Map(),
): Promise<{ folder: Folder; captions: ReadonlyMap<string, string> }[]> {
  const own = root.metadata === undefined ? [] : await readMetadata(root, root.metadata, onUnusable);
  const captions = own.length === 0 ? above : new Map([...above, ...own]);
  const inner: Awaited<ReturnType<typeof withCaptions>> = [];
  for (const each of root.folders) inner.push(...(await withCaptions(each, onUnusable, captions)));
  return [{ folder: root, captions }, ...inner];
}

/** Paths and captions of a Hugging Face metadata file; what it names and isn't there is reported. */
async function readMetadata(
  folder: Folder,
  file: string,
  onUnusable: OnUnusable,
): Promise<[path: string, caption: string][]> {
  const list = join(folder.path, file);
  const present = new Set(
    allFolders(folder).flatMap(({ path, clips }) => clips.map(({ name }) => join(path, name))),
  );
  return readTable(list, (columns) => {
    const has = (...names: string[]) => names.find((name) => columns.includes(name));
    const [name, text] = [has("file_name", "path"), has("text", "caption")];
    if (!name || !text) {
      throw listError(list, `it has the columns ${columns.join(", ")}; file_name and text are needed`);
    }
    return ({ cells, line }) => {
      if (!cells[name]) throw listError(list, `line ${line} has no ${name}; mend or remove it`);
      const path = resolve(folder.path, cells[name]);
      if (present.has(path)) return [path, cells[text]?.trim() ?? ""];
      return unusable(onUnusable, path, `there is no such clip, but ${list} names it on line ${line}`);
    };
  });
}
