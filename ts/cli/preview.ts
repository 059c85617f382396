import type { RgbImage } from "../native.js";
import { version } from "../version.js";

/** Writes the newest preview to a file, one at a time; those that come while one is written are passed over. */
export class PreviewFile {
  readonly #path: string;
  #newest: RgbImage | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  show(image: RgbImage): void {
    this.#newest = image;
    if (this.#writing) return;
    this.#writing = this.#writeNewest();
    // Heard of in settled(), after the video, which is worth more, has been saved.
    this.#writing.catch(() => {});
  }

  /** Resolves when the last preview is written, rejects where one could not be. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeNewest(): Promise<void> {
    const { writeVideo } = await import("../media/index.js");
    while (this.#newest) {
      const { data, width, height } = this.#newest;
      this.#newest = undefined;
      const metadata = { software: `cameo ${version}`, parameters: { preview: true } };
      await writeVideo(this.#path, { frames: data, count: 1, width, height, fps: 1 }, metadata);
    }
    this.#writing = undefined;
  }
}
