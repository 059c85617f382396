// What the recipes of docs/recipes.md share: a folder for what they make, how many steps, and Ctrl-C.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { steps: { type: "string", default: "30" } },
});
export const folder = positionals[0] ?? "out";
mkdirSync(folder, { recursive: true });

// Ctrl-C ends the work within one evaluation of the network, and leaves no half of a file.
const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
export const { signal } = interrupt;

/** What every request of a recipe has. */
export const settings = {
  steps: Number(values.steps),
  signal,
  onProgress: ({ phase, step, steps }) => console.error(`${phase} ${step}/${steps}`),
};

/** The path of a picture beside this file. */
export const picture = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A picture of nobody: with a strength of 0, what a model of subjects is given where a text alone says what is seen. */
export const blank = { data: new Uint8Array(3 * 128 * 128).fill(255), width: 128, height: 128 };

/** A frame of a video, as `reference`, `image` and `keyframes` take it. */
export function frameOf({ frames, width, height }, index) {
  const size = 3 * width * height;
  return { data: frames.slice(index * size, (index + 1) * size), width, height };
}

/** Writes a video or a stream into the folder, and says so. */
export async function save(video, name) {
  for (const path of await video.save(join(folder, name), { signal })) console.log(path);
}

/** Loads a model, by default the one that ships, and does the work with it. */
export async function recipe(work, model) {
  if (signal.aborted) return;
  const pipe = await Pipeline.load(model);
  try {
    await work(pipe);
  } catch (error) {
    if (!signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    await pipe.close();
  }
}
