import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CameoError } from "../errors.js";
import { fileReason, replaceFile } from "../media/files.js";
import { loadWebcodecs } from "../media/libraries.js";
import type { Video } from "../video.js";
import { listInputs, replaceInputs } from "./inputs.js";
import type { GalleryEntry, Inputs } from "./protocol.js";
import { idPattern, parseRecord, recordedRequest } from "./record.js";
import type { Uploads } from "./uploads.js";

const recordName = "request.json";
/** Of folders: pictures of people are nobody else's business. */
const ownMode = 0o700;
/** Far above what a request's texts can take. */
const maxRecordBytes = 2 ** 20;
const noFilm = "@napi-rs/webcodecs is not installed, so this is an animated WebP";

const pendingPattern = /^\.\d{8}-\d{6}-[0-9a-f]{6}\.tmp$/;
const dayMs = 24 * 3600 * 1000;

/** Removes what a studio that was killed has left unfinished; another one may be writing what is from today. */
async function removeLeftovers(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names.filter((each) => pendingPattern.test(each))) {
    const path = join(folder, name);
    const written = (await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now();
    if (Date.now() - written > dayMs) await rm(path, { recursive: true, force: true });
  }
}

/** Videos that were made, each in a folder of its own with its request and copies of its pictures and films. */
export class Gallery {
  readonly folder: string;
  readonly #entries = new Map<string, GalleryEntry>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Opens the folder, made where it is not there. ERR_INVALID_OPTION where it can't be. */
  static async open(folder: string): Promise<Gallery> {
    const gallery = new Gallery(folder);
    try {
      await mkdir(folder, { recursive: true, mode: ownMode });
      const names = await readdir(folder);
      await removeLeftovers(folder, names);
      for (const name of names.filter((each) => idPattern.test(each)).sort()) await gallery.#read(name);
    } catch (cause) {
      throw new CameoError(
        "ERR_INVALID_OPTION",
        `output: ${folder} can't be used as a folder: ${fileReason(cause)}; choose another`,
        { cause },
      );
    }
    return gallery;
  }

  /** The newest first. */
  entries(): GalleryEntry[] {
    return [...this.#entries.values()].reverse();
  }

  /** Writes a video and what it was made of; nothing appears before it is complete. ERR_MEDIA where it can't be. */
  async add(
    video: Video,
    { uploads, inputs, seconds }: { uploads: Uploads; inputs: Inputs; seconds: number },
    signal: AbortSignal,
  ): Promise<GalleryEntry> {
    const created = new Date();
    const id = `${stamp(created)}-${randomBytes(3).toString("hex")}`;
    const folder = join(this.folder, id);
    const pending = join(this.folder, `.${id}.tmp`);
    try {
      await mkdir(pending, { recursive: true, mode: ownMode });
      const { name, warnings } = await videoFile(video.count);
      await video.save(join(pending, name), { signal });
      const entry: GalleryEntry = {
        id,
        created: created.toISOString(),
        video: name,
        inputs: await copyInputs(uploads, inputs, pending),
        request: recordedRequest(video),
        warnings: [...video.warnings, ...warnings],
        seconds,
      };
      await replaceFile(join(pending, recordName), Buffer.from(`${JSON.stringify(entry, null, 2)}\n`));
      await rename(pending, folder);
      this.#entries.set(id, entry);
      return entry;
    } catch (cause) {
      if (cause instanceof CameoError) throw cause;
      const message = `${folder} can't be written: ${fileReason(cause)}; make room, and try again`;
      throw new CameoError("ERR_MEDIA", message, { cause });
    } finally {
      await rm(pending, { recursive: true, force: true });
    }
  }

  /** The path of one of an entry's files; undefined where it has none of this name, or its folder became a link. */
  async file(id: string, name: string): Promise<string | undefined> {
    const entry = this.#entries.get(id);
    if (!entry || !filesOf(entry).includes(name)) return undefined;
    const folder = join(this.folder, id);
    return (await lstat(folder).catch(() => undefined))?.isDirectory() ? join(folder, name) : undefined;
  }

  /**
   * Removes an entry's own files, and its folder unless something else is in it; false where there is no such entry.
   * ERR_MEDIA where they can't be removed.
   */
  async delete(id: string): Promise<boolean> {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    const folder = join(this.folder, id);
    try {
      const place = await lstat(folder).catch(() => undefined);
      if (place && !place.isDirectory()) throw new Error("it is not a folder any more");
      // The record goes first: what is left of an interrupted removal is no entry.
      await rm(join(folder, recordName), { force: true });
      this.#entries.delete(id);
      for (const name of filesOf(entry)) await rm(join(folder, name), { force: true });
    } catch (cause) {
      const message = `${folder} can't be deleted: ${fileReason(cause)}; delete it by hand`;
      throw new CameoError("ERR_MEDIA", message, { cause });
    }
    await rmdir(folder).catch(() => {});
    return true;
  }

  /** What others put into the folder, or broke, is not shown, nor is what a link leads to. */
  async #read(id: string): Promise<void> {
    const folder = join(this.folder, id);
    const record = join(folder, recordName);
    const [place, file] = await Promise.all(
      [folder, record].map((path) => lstat(path).catch(() => undefined)),
    );
    if (!place?.isDirectory() || !file?.isFile() || file.size > maxRecordBytes) return;
    const entry = parseRecord(await readFile(record, "utf8").catch(() => "null"));
    if (entry?.id === id) this.#entries.set(id, entry);
  }
}

function filesOf({ video, inputs }: GalleryEntry): string[] {
  return [video, ...listInputs(inputs).map(({ input }) => input)];
}

/** Inputs with the names of their copies. */
async function copyInputs(uploads: Uploads, inputs: Inputs, folder: string): Promise<Inputs> {
  const names = new Map<string, string>();
  for (const { input, copy } of listInputs(inputs)) {
    names.set(copy, await uploads.copy(input, folder, copy));
  }
  return replaceInputs(inputs, (_, copy) => names.get(copy) as string);
}

async function videoFile(frames: number): Promise<{ name: string; warnings: string[] }> {
  if (frames === 1) return { name: "video.png", warnings: [] };
  const hasFilms = await loadWebcodecs().then(
    () => true,
    () => false,
  );
  return hasFilms ? { name: "video.mp4", warnings: [] } : { name: "video.webp", warnings: [noFilm] };
}

/** "20250131-235959", in UTC, which sorts by time. */
function stamp(time: Date): string {
  return time.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
}
