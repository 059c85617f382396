import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "#ts/media/files.js";
import { encodePng } from "../world/png.js";
import { type Case, frames, nameOf, size, truthOf } from "./cases.js";

/** Films of the first cases, as evaluate.py reads them: 000.png, the frames below one another, and cases.jsonl. */
export class FilmFolder {
  readonly #folder: string;
  #films: number;

  private constructor(folder: string, films: number) {
    this.#folder = folder;
    this.#films = films;
  }

  /** Opens the folder, made where it is not there, with the films that an earlier run left. */
  static async open(folder: string): Promise<FilmFolder> {
    await mkdir(folder, { recursive: true });
    const list = join(folder, "cases.jsonl");
    const films = (await exists(list)) ? (await readFile(list, "utf8")).split("\n").length - 1 : 0;
    return new FilmFolder(folder, films);
  }

  /** How many cases have their film. */
  get films(): number {
    return this.#films;
  }

  /** `pixels`: 8-bit RGB (frames, size, size, 3). */
  async add(one: Case, pixels: Uint8Array): Promise<void> {
    await writeFile(join(this.#folder, `${nameOf(one)}.png`), encodePng(pixels, size, size * frames, 3));
    await appendFile(join(this.#folder, "cases.jsonl"), `${JSON.stringify(truthOf(one))}\n`);
    ++this.#films;
  }
}
