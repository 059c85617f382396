import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "#ts/media/files.js";
import { encodePng } from "../world/png.js";
import { type Case, nameOf, size, truthOf } from "./cases.js";

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

  /** How many there are. */
  get films(): number {
    return this.#films;
  }

  /** Adds them all or none. `pixels`: 8-bit RGB (length, size, size, 3). */
  async add(films: { of: Case; pixels: Uint8Array }[]): Promise<void> {
    let lines = "";
    for (const [i, { of, pixels }] of films.entries()) {
      // A case may have several: they are numbered as they come.
      const truth = { ...truthOf(of), index: this.#films + i };
      await writeFile(
        join(this.#folder, `${nameOf(truth)}.png`),
        encodePng(pixels, size, pixels.length / (3 * size), 3),
      );
      lines += `${JSON.stringify(truth)}\n`;
    }
    await appendFile(join(this.#folder, "cases.jsonl"), lines);
    this.#films += films.length;
  }
}
