import { basename } from "node:path";
import { CameoError } from "./errors.js";
import type { ImageSource } from "./media/index.js";
import type { CompleteSampleRequest } from "./options/sample.js";
import { version } from "./version.js";

/** What `Video.save` takes besides a path. */
export interface SaveOptions {
  /** Ends the writing; nothing is left under the final name. */
  signal?: AbortSignal | undefined;
}

/** Frames, and the request that they answer. */
export class Video {
  /** 8-bit RGB, (count, height, width, 3). */
  readonly frames: Uint8Array;
  /** How many frames. */
  readonly count: number;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Frames a second. */
  readonly fps: number;
  /** With every default that was taken: the same request makes the same frames on the same device. */
  readonly request: CompleteSampleRequest;
  /** What was done differently from what the request said, such as a prompt that was cut. */
  readonly warnings: readonly string[];

  constructor(frames: Uint8Array, request: CompleteSampleRequest, warnings: readonly string[]) {
    const { frames: count, width, height, fps } = request;
    if (frames.length !== 3 * count * width * height) {
      throw new CameoError(
        "ERR_MEDIA",
        `${frames.length} bytes are not ${count} frames of ${width}x${height}`,
      );
    }
    this.frames = frames;
    this.count = count;
    this.width = width;
    this.height = height;
    this.fps = fps;
    this.request = request;
    this.warnings = warnings;
  }

  /**
   * Writes the video, in the format that the name says: .mp4, .webm, .gif, .webp, .apng, .png for a still, or
   * numbered pictures, as in "frames-%03d.png". The file says how it was made, and that it is AI-generated.
   *
   * Resolves to the paths written. Rejects with ERR_INVALID_OPTION for a name that it can't write, ERR_MEDIA
   * where encoding fails, ERR_ABORTED.
   */
  async save(path: string, options: SaveOptions = {}): Promise<string[]> {
    const { writeVideo } = await import("./media/index.js");
    const { frames, count, width, height, fps } = this;
    const metadata = { software: `cameo ${version}`, parameters: describeRequest(this.request) };
    return writeVideo(path, { frames, count, width, height, fps }, metadata, options);
  }
}

function describeRequest({ reference, ...request }: CompleteSampleRequest): Record<string, unknown> {
  return { ...request, reference: reference.map(describeSource) };
}

/** Names only, without the folders of the one who made it: the video may be published. */
function describeSource(source: ImageSource): string {
  if (source instanceof Uint8Array) return "data";
  if (typeof source === "object" && !(source instanceof URL)) return "pixels";
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url?.protocol === "data:") return "data";
  return basename(url?.protocol.startsWith("http") ? url.pathname : String(source));
}
