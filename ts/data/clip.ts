import { stat } from "node:fs/promises";
import { framePaths } from "../media/frame_folder.js";
import { openVideo, readImage, readImageSize, readVideoSize } from "../media/index.js";
import { isStill } from "../media/names.js";
import type { RgbImage } from "../native.js";

export interface Size {
  width: number;
  height: number;
}

/** A film, an animation, a folder of frames or a single picture, of which no frame is decoded yet. */
export interface Clip extends Size {
  readonly count: number;
  /** The frames of these indices; the first is 0. */
  read(indices: readonly number[]): Promise<RgbImage[]>;
}

/** Opens a clip of any kind; an Error says why it can't be read. */
export async function openClip(path: string): Promise<Clip> {
  const stats = await stat(path);
  if (stats.isDirectory()) return openPictures(await framePaths(path));
  if (stats.size === 0) throw new Error(`${path} is empty`);
  if (isStill(path)) return openPictures([path]);
  const { count, width, height, read } = await openVideo(path);
  return {
    count,
    width,
    height,
    read: async (indices) => (await read(indices)).map((data) => ({ data, width, height })),
  };
}

/** A clip's size; only its header is read, or that of its first frame. */
export async function clipSize(path: string): Promise<Size> {
  if ((await stat(path)).isDirectory()) return readImageSize((await framePaths(path))[0] as string);
  return isStill(path) ? readImageSize(path) : readVideoSize(path);
}

async function openPictures(paths: string[]): Promise<Clip> {
  const { width, height } = await readImageSize(paths[0] as string);
  const readOne = async (index: number) => {
    const path = paths[index] as string;
    const image = await readImage(path, { name: "frame" });
    if (image.width === width && image.height === height) return image;
    throw new Error(`${path} is ${image.width}x${image.height}, and the first frame ${width}x${height}`);
  };
  const read = async (indices: readonly number[]) => {
    const images: RgbImage[] = [];
    for (const index of indices) images.push(await readOne(index));
    return images;
  };
  return { count: paths.length, width, height, read };
}
