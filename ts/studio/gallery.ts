import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CameoError } from "../errors.js";
import { fileReason, replaceFile } from "../media/files.js";
import { loadWebcodecs } from "../media/libraries.js";
import { optionEntries } from "../options/sample_options.js";
import type { Video } from "../video.js";
import type { GalleryEntry } from "./protocol.js";
import type { References } from "./references.js";

const recordName = "request.json";
/** Of folders: pictures of people are nobody else's business. */
const ownMode = 0o700;
/** Far above what a request's texts can take. */
const maxRecordBytes = 2 ** 20;
const idPattern = /^\d{8}-\d{6}-[0-9a-f]{6}$/;
const noFilm = "@napi-rs/webcodecs is not installed, so this is an animated WebP";

/** The names that files have here: no other is shown or deleted. */
const videoName = z.string().regex(/^video\.(mp4|webp|png)$/);
const referenceName = z.string().regex(/^reference-\d+\.(png|jpeg|webp|avif|gif|tiff)$/);

const shownValues = Object.fromEntries(
  optionEntries
    .filter(([, { label }]) => label !== undefined)
    .map(([name, { value }]) => [name, (value.kind === "text" ? z.string() : z.number()).optional()]),
);

const entrySchema = z.object({
  id: z.string().regex(idPattern),
  created: z.string(),
  video: videoName,
  references: z.array(referenceName),
  request: z.looseObject({
    ...shownValues,
    ...{ prompt: z.string(), seed: z.number(), frames: z.number(), fps: z.number() },
    ...{ width: z.number(), height: z.number() },
  }),
  warnings: z.array(z.string()),
  seconds: z.number(),
});

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

/** Videos that were made, each in a folder of its own with its request and copies of its references. */
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
    { references, ids, seconds }: { references: References; ids: readonly string[]; seconds: number },
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
      const { reference: _, ...request } = video.request;
      const entry: GalleryEntry = {
        id,
        created: created.toISOString(),
        video: name,
        references: await references.copy(ids, pending),
        // The studio's orders have one.
        request: { ...request, prompt: request.prompt as string },
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
    if (!entry || ![entry.video, ...entry.references].includes(name)) return undefined;
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
      for (const name of [entry.video, ...entry.references]) await rm(join(folder, name), { force: true });
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
    const text = await readFile(record, "utf8").catch(() => "null");
    const { success, data } = entrySchema.safeParse(parse(text));
    if (success && data.id === id) this.#entries.set(id, data);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
