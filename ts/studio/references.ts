import { createHash } from "node:crypto";
import { copyFile, lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CameoError } from "../errors.js";
import { isAlive } from "../is_alive.js";
import { replaceFile } from "../media/files.js";
import { openImage } from "../media/index.js";
import { sniff } from "../media/signature.js";
import { Refusal } from "./errors.js";
import type { UploadedReference } from "./protocol.js";

/** Of all uploaded pictures together. */
const maxTotalBytes = 1 << 30;
/** Of one picture: 400 MB once it is decoded, which few bytes can ask for. */
const maxPixels = 2 ** 27;

interface Picture extends UploadedReference {
  path: string;
  /** Of the file, as in "png". */
  extension: string;
}

/** Uploaded pictures, in a folder that is removed with the studio; the same bytes are kept once. */
export class References {
  readonly #folder: string;
  readonly #pictures = new Map<string, Picture>();
  readonly #maxBytes: number;
  #bytes = 0;
  /** Settles when the newest picture is kept, or could not be. */
  #added: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  static async open({ maxBytes = maxTotalBytes } = {}): Promise<References> {
    await removeLeftovers();
    return new References(await mkdtemp(join(tmpdir(), `cameo-studio-${process.pid}-`)), maxBytes);
  }

  /** Keeps a picture that can be read, one at a time; ERR_INVALID_IMAGE for any other. */
  async add(bytes: Uint8Array): Promise<UploadedReference> {
    const added = this.#added.then(() => this.#add(bytes));
    this.#added = added.catch(() => {});
    return added;
  }

  async #add(bytes: Uint8Array): Promise<UploadedReference> {
    const id = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
    const known = this.#pictures.get(id);
    if (known) return answer(known);
    const { width, height } = await check(bytes);
    if (this.#bytes + bytes.length > this.#maxBytes) {
      throw new Refusal(413, "ERR_TOO_LARGE", "too many pictures were uploaded; start the studio again");
    }
    const extension = (sniff(bytes) ?? "").toLowerCase();
    const picture = { id, width, height, extension, path: join(this.#folder, `${id}.${extension}`) };
    await replaceFile(picture.path, bytes);
    this.#bytes += bytes.length;
    this.#pictures.set(id, picture);
    return answer(picture);
  }

  /** The picture's file; undefined where there is none of this id. */
  path(id: string): string | undefined {
    return this.#pictures.get(id)?.path;
  }

  /** Copies pictures into a folder and returns the copies' names: "reference-1.png". */
  async copy(ids: readonly string[], folder: string): Promise<string[]> {
    const pictures = ids.flatMap((id) => this.#pictures.get(id) ?? []);
    return Promise.all(
      pictures.map(async ({ path, extension }, i) => {
        const name = `reference-${i + 1}.${extension}`;
        await copyFile(path, join(folder, name));
        return name;
      }),
    );
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A picture's size, if it can be decoded. */
async function check(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  const image = await openImage(bytes, { name: "reference" });
  const { width, height } = await image.size();
  if (width * height > maxPixels) {
    const message = `${image.name}: it has more than ${maxPixels} pixels; scale it down`;
    throw new CameoError("ERR_INVALID_IMAGE", message);
  }
  await image.decode();
  return { width, height };
}

/** Removes the pictures that a studio which was killed has left. */
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

function answer({ id, width, height }: Picture): UploadedReference {
  return { id, width, height };
}
