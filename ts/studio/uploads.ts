import { createHash } from "node:crypto";
import { copyFile, lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CameoError } from "../errors.js";
import { isAlive } from "../is_alive.js";
import { replaceFile } from "../media/files.js";
import { type FilmFacts, fitImage, openImage, openVideo } from "../media/index.js";
import { loadSharp } from "../media/libraries.js";
import { sniff } from "../media/signature.js";
import { mostFrames } from "../options/defaults.js";
import { Refusal } from "./errors.js";
import type { Upload } from "./protocol.js";

/** Of all uploads together. */
const maxTotalBytes = 1 << 30;
/** Of one picture, or of one frame: 400 MB once it is decoded, which few bytes can ask for. */
const maxPixels = 2 ** 27;
/** Of the longer side of the picture that shows a film. */
const stillSize = 1024;

type UploadKind = "picture" | "film";

interface Kept extends Upload {
  path: string;
  /** Of the file, as in "png". */
  extension: string;
  /** Of a film: its rate, and its first frame as a picture. */
  film?: { fps: number; still: string };
}

/** Uploaded pictures and films, in a folder that is removed with the studio; the same bytes are kept once. */
export class Uploads {
  readonly #folder: string;
  readonly #kept = new Map<string, Kept>();
  readonly #maxBytes: number;
  #bytes = 0;
  /** Settles when the newest one is kept, or could not be. */
  #added: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  static async open({ maxBytes = maxTotalBytes } = {}): Promise<Uploads> {
    await removeLeftovers();
    return new Uploads(await mkdtemp(join(tmpdir(), `cameo-studio-${process.pid}-`)), maxBytes);
  }

  /** Keeps what can be read, one at a time; ERR_INVALID_IMAGE for what is no picture, ERR_MEDIA for what is no film. */
  async add(bytes: Uint8Array, kind: UploadKind = "picture"): Promise<Upload> {
    const added = this.#added.then(() => this.#add(bytes, kind));
    this.#added = added.catch(() => {});
    return added;
  }

  async #add(bytes: Uint8Array, kind: UploadKind): Promise<Upload> {
    // An animation may be both.
    const id = createHash("sha256").update(kind).update(bytes).digest("hex").slice(0, 32);
    const known = this.#kept.get(id);
    if (known) return answer(known);
    const size = kind === "picture" ? await check(bytes) : undefined;
    if (this.#bytes + bytes.length > this.#maxBytes) {
      throw new Refusal(413, "ERR_TOO_LARGE", "too much was uploaded; start the studio again");
    }
    const extension = (sniff(bytes) ?? "film").toLowerCase();
    const path = join(this.#folder, `${id}.${extension}`);
    await replaceFile(path, bytes);
    const facts = size ?? (await openFilm(path, join(this.#folder, `${id}.still.png`)));
    this.#bytes += bytes.length;
    const kept: Kept = { id, extension, path, ...facts };
    this.#kept.set(id, kept);
    return answer(kept);
  }

  /** The file; undefined where there is none of this id. */
  path(id: string): string | undefined {
    return this.#kept.get(id)?.path;
  }

  /** A picture that shows it: of a film, its first frame. */
  picture(id: string): string | undefined {
    const kept = this.#kept.get(id);
    return kept?.film?.still ?? kept?.path;
  }

  /** What is known of a film; undefined of a picture. */
  film(id: string | undefined): FilmFacts | undefined {
    const { film, frames } = (id !== undefined && this.#kept.get(id)) || {};
    return film && frames !== undefined ? { name: "video", count: frames, fps: film.fps } : undefined;
  }

  /** Copies one into a folder, and returns the copy's name: "reference-1.png". */
  async copy(id: string, folder: string, name: string): Promise<string> {
    const kept = this.#kept.get(id);
    if (kept === undefined) throw new Error(`there is no upload ${id}`);
    const file = `${name}.${kept.extension}`;
    await copyFile(kept.path, join(folder, file));
    return file;
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A picture's size, if it can be decoded. */
async function check(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  const image = await openImage(bytes, { name: "picture" });
  const { width, height } = await image.size();
  if (width * height > maxPixels) {
    const message = `${image.name}: it has more than ${maxPixels} pixels; scale it down`;
    throw new CameoError("ERR_INVALID_IMAGE", message);
  }
  await image.decode();
  return { width, height };
}

/** A film's facts; its first frame is written to `still`. The file is removed where it can't be read. */
async function openFilm(path: string, still: string): Promise<Omit<Kept, "id" | "path" | "extension">> {
  try {
    const { count, width, height, fps, read } = await openVideo(path);
    if (count > mostFrames) {
      throw filmRefusal(`video has ${count} frames; ${mostFrames} are allowed: cut it shorter`);
    }
    if (width * height > maxPixels) {
      throw filmRefusal(`video: its frames have more than ${maxPixels} pixels; scale it down`);
    }
    const scale = Math.min(1, stillSize / Math.max(width, height));
    const [small, low] = [width, height].map((side) => Math.max(1, Math.round(side * scale))) as [
      number,
      number,
    ];
    const [data] = await read([0], (frame) => fitImage(frame, small, low, "fill"));
    const sharp = await loadSharp();
    const raw = { width: small, height: low, channels: 3 } as const;
    await replaceFile(
      still,
      await sharp(data as Uint8Array, { raw })
        .png()
        .toBuffer(),
    );
    return { width, height, frames: count, film: { fps, still } };
  } catch (cause) {
    await rm(path, { force: true });
    if (!(cause instanceof CameoError)) throw cause;
    throw filmRefusal(cause.message.replace(path, "video"));
  }
}

function filmRefusal(message: string): Refusal {
  return new Refusal(422, "ERR_MEDIA", message);
}

/** Removes the uploads that a studio which was killed has left. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = /^cameo-studio-(\d+)-\w{6}$/.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const path = join(tmpdir(), name);
    if (await isOwnFolder(path)) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/** Whether a studio of this user made it. Anybody can make something of this name there, and root could remove it all. */
async function isOwnFolder(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isDirectory()) return false;
  const user = process.getuid?.();
  return user === undefined || (stats.uid === user && (stats.mode & 0o077) === 0);
}

function answer({ id, width, height, frames }: Kept): Upload {
  return { id, width, height, ...(frames !== undefined && { frames }) };
}
