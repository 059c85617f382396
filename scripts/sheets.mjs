// The sheets of the documentation: frames of films side by side, made by the model that ships.
//
//     node scripts/sheets.mjs docs/pictures [--only films] [--steps 12] [--recipes build/recipes]
//
// Those of "recipes" and "length" are films that the examples make; an example is run where its films are not in that folder yet.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";
import sharp from "sharp";
import { readVideo } from "#ts/media/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", multiple: true },
    steps: { type: "string", default: "12" },
    recipes: { type: "string", default: "build/recipes" },
  },
});
const folder = positionals[0] ?? "docs/pictures";
const common = { steps: Number(values.steps), seed: 42, frames: 16 };
const beach = {
  ...common,
  prompt: "a critter runs on a beach",
  reference: "examples/critter.png",
};

const pipe = await Pipeline.load();
const [width, height] = pipe.describe().defaultSize;

/** The film that the others start from, made once. */
let begun;
const film = () => (begun ??= pipe.sample(beach));

function frameOf(video, index) {
  const size = 3 * video.width * video.height;
  return video.frames.subarray(index * size, (index + 1) * size);
}

/** A picture that is white in a box, in parts of the frame. */
function boxMask({ left, right, top, bottom }) {
  const mask = { data: new Uint8Array(3 * width * height), width, height };
  for (let y = Math.floor(top * height); y < Math.floor(bottom * height); y++) {
    const row = 3 * y * width;
    mask.data.fill(255, row + 3 * Math.floor(left * width), row + 3 * Math.floor(right * width));
  }
  return mask;
}

/** A film whose masked part is white. */
function whitened(video, mask) {
  const frames = video.frames.map((value, i) => Math.max(value, mask.data[i % mask.data.length]));
  return { frames, count: video.count, width, height };
}

async function films() {
  const start = { ...beach, video: await film() };
  const picture = (index) => ({ data: frameOf(start.video, index), width, height });
  return [
    start.video,
    await pipe.sample({ ...start, reference: "examples/critter-2.png", strength: 0.7 }),
    await pipe.sample({ ...start, prompt: "a critter runs in the snow at night", strength: 0.8 }),
    await pipe.sample({ ...beach, seed: 5, image: picture(0), lastImage: picture(15) }),
  ];
}

async function inpainting() {
  const start = { ...beach, video: await film() };
  const mask = boxMask({ left: 0.2, right: 0.85, top: 0.2, bottom: 0.9 });
  return [
    whitened(start.video, mask),
    await pipe.sample({ ...start, reference: "examples/critter-2.png", mask }),
    await pipe.sample({ ...start, seed: 5, expand: { left: 24, right: 24 } }),
  ];
}

async function subjects() {
  const half = { y: 0, width: 0.5, height: 1 };
  return [
    await pipe.sample({
      ...{ ...common, prompt: "a critter jumps in a meadow", width: 2 * width, height, seed: 3 },
      subjects: [
        { reference: "examples/critter.png", region: { ...half, x: 0 } },
        { reference: "examples/critter-2.png", region: { ...half, x: 0.5 } },
      ],
    }),
  ];
}

/** The examples, each with the films that it leaves. */
const examples = {
  "text-to-video": ["text-to-video.mp4"],
  "text-and-image": ["text-and-image-critter.mp4", "text-and-image-critter-2.mp4"],
  "image-to-video": ["image-to-video.mp4"],
  stylise: ["stylise-before.mp4", "stylise.mp4"],
  storyboard: ["storyboard-before.webp", "storyboard.mp4"],
  mask: ["mask-before.mp4", "mask.mp4"],
  render: ["render-before.webp", "render.mp4"],
  customise: ["customise/clips/0.mp4", "customise.mp4"],
  chain: ["chain.mp4"],
};

async function filmsOf(example) {
  const paths = examples[example].map((name) => join(values.recipes, name));
  if (!paths.every((path) => existsSync(path))) {
    const args = [`examples/${example}.mjs`, values.recipes, "--steps", values.steps];
    const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
    if (status !== 0) throw new Error(`${example}.mjs ended with ${status}`);
  }
  return Promise.all(paths.map((path) => readVideo(path)));
}

async function recipes() {
  const rows = [];
  for (const example of Object.keys(examples)) rows.push(...(await filmsOf(example)));
  return rows;
}

const length = () => filmsOf("chain");

const sheets = { films, inpainting, subjects, recipes, length };

async function writeSheet(rows, path) {
  const { tile, quality } = rows.length > 8 ? { tile: 72, quality: 50 } : { tile: 96, quality: 60 };
  const across = Math.round((tile * rows[0].width) / rows[0].height);
  const columns = across > tile ? 4 : 6;
  const tiles = rows.flatMap((video, row) =>
    Array.from({ length: columns }, async (_, column) => {
      const index = Math.round((column * (video.count - 1)) / (columns - 1));
      const raw = { width: video.width, height: video.height, channels: 3 };
      const input = await sharp(frameOf(video, index), { raw }).resize({ height: tile }).png().toBuffer();
      return { input, left: column * across, top: row * tile };
    }),
  );
  const size = { width: across * columns, height: tile * rows.length };
  await sharp({ create: { ...size, channels: 3, background: "#fff" } })
    .composite(await Promise.all(tiles))
    .webp({ quality, effort: 6 })
    .toFile(path);
  console.log(path);
}

mkdirSync(folder, { recursive: true });
for (const [name, rowsOf] of Object.entries(sheets)) {
  if (values.only?.includes(name) ?? true) await writeSheet(await rowsOf(), join(folder, `${name}.webp`));
}
await pipe.close();
