// The sheet of docs/films.md: what may be made of a film, six of its frames side by side, with the model that ships.
//
//     node scripts/film-sheet.mjs docs/pictures/films.webp [--steps 12]
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";
import sharp from "sharp";

const options = { steps: { type: "string", default: "12" } };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const common = { steps: Number(values.steps), seed: 42, frames: 16 };
const beach = { ...common, prompt: "a critter runs on a beach", reference: "examples/critter.png" };

const pipe = await Pipeline.load();
const [width, height] = pipe.describe().defaultSize;
const size = 3 * width * height;
const film = await pipe.sample(beach);
const frameOf = (video, i) => video.frames.subarray(i * size, (i + 1) * size);
const picture = (i) => ({ data: frameOf(film, i), width, height });

/** White where the subject runs. */
const mask = { data: new Uint8Array(size), width, height };
for (let y = Math.floor(0.2 * height); y < Math.floor(0.9 * height); y++) {
  const from = 3 * (y * width + Math.floor(0.2 * width));
  mask.data.fill(255, from, from + 3 * Math.floor(0.65 * width));
}

const rows = [film];
for (const request of [
  { ...beach, reference: "examples/critter-2.png", video: film, strength: 0.7 },
  { ...beach, prompt: "a critter runs in the snow at night", video: film, strength: 0.8 },
  { ...beach, reference: "examples/critter-3.png", video: film, mask },
  { ...beach, seed: 5, image: picture(0), lastImage: picture(15) },
  { ...beach, seed: 5, video: film, expand: { left: 24, right: 24 } },
]) {
  rows.push(await pipe.sample(request));
}
await pipe.close();

const shown = [0, 3, 6, 9, 12, 15];
const raw = { width, height, channels: 3 };
const tiles = rows.flatMap((video, row) =>
  shown.map((frame, column) => ({
    ...{ input: frameOf(video, frame), raw, left: column * width, top: row * height },
  })),
);
const sheet = { width: width * shown.length, height: height * rows.length, channels: 3, background: "#fff" };
await sharp({ create: sheet })
  .composite(tiles)
  .webp({ quality: 80 })
  .toFile(positionals[0] ?? "films.webp");
