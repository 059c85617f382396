/**
 * Reads every input in a folder, and prints a line for each: its name, and "read" or the code of the error.
 *
 *   node build/test/support/fuzz/reader.js FOLDER
 */
import { readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openVideo, readImage, readImageSize, readVideoSize } from "#ts/media/index.js";
import { ClipTokenizer } from "#ts/tokens/tokenizer.js";
import { runProbe } from "../probes.js";
import type { Kind } from "./inputs.js";

const prompt = "A <my-critter>, it's Ünïcode 犬 123!  <|endoftext|> runs\uD800";
const positions = 77;

async function readTokenizer(folder: string): Promise<void> {
  const { ids } = (await ClipTokenizer.load(folder)).encode(prompt, positions);
  if (ids.length !== positions) throw new Error(`${ids.length} ids`);
}

async function readPicture(path: string): Promise<void> {
  const { data, width, height } = await readImage(path);
  if (data.length !== 3 * width * height) throw new Error(`${data.length} bytes for ${width}x${height}`);
  await readImageSize(path);
}

async function readFilm(path: string): Promise<void> {
  const film = await openVideo(path);
  const frames = await film.read([0, film.count >> 1, film.count - 1]);
  const size = 3 * film.width * film.height;
  if (frames.some(({ length }) => length !== size)) throw new Error(`not all frames have ${size} bytes`);
  await readVideoSize(path);
}

const readNative = async (path: string) => {
  runProbe("fuzz.read", { path }, {});
};

const readers: Record<Kind, (path: string) => Promise<void>> = {
  safetensors: readNative,
  zip: readNative,
  pickle: readNative,
  gguf: readNative,
  config: readNative,
  tokenizer: readTokenizer,
  picture: readPicture,
  film: readFilm,
};

async function outcomeOf(name: string, path: string): Promise<string> {
  try {
    await readers[name.split("-")[0] as Kind](path);
    return "read";
  } catch (error) {
    const { code, message, stack } = error as Error & { code?: string };
    if (!code?.startsWith("ERR_") || /\n/.test(message)) console.error(`${name}: ${stack}`);
    return /\n/.test(message) ? `${code}, in several lines` : String(code);
  }
}

const folder = process.argv[2] as string;
for (const name of readdirSync(folder).sort()) {
  writeSync(1, `${name} ${await outcomeOf(name, join(folder, name))}\n`);
}
