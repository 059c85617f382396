// Draws a picture of what the small Wan can do: of three characters that it has never seen three films each, every other frame.
//
//     node examples/small_wan/films.mjs films.webp
import { fileURLToPath } from "node:url";
import { Pipeline } from "cameo";
import sharp from "sharp";

const [output = "films.webp"] = process.argv.slice(2);
const beside = (name) => fileURLToPath(new URL(name, import.meta.url));
const references = ["critter", "critter-2", "critter-3"].map((name) => beside(`../${name}.png`));
const prompts = [
  "a critter walks on the moon",
  "a little creature jumps in a meadow",
  "a cartoon animal swims along under water",
];

const pipe = await Pipeline.load({ base: beside("model/base"), subject: beside("model/subject.gguf") });
const size = 64;
const pictures = [];
for (const [i, reference] of references.entries()) {
  const shown = await sharp(reference).resize(size, size).toBuffer();
  for (const [j, prompt] of prompts.entries()) {
    const row = i * prompts.length + j;
    pictures.push({ input: shown, left: 0, top: row * size });
    const { frames, count, width, height } = await pipe.sample({
      prompt,
      reference: [reference, reference],
      seed: row,
      guidanceScale: 3,
      imageGuidanceScale: 3,
    });
    for (let frame = 0; frame < count; frame += 2) {
      const pixels = frames.subarray(frame * 3 * width * height, (frame + 1) * 3 * width * height);
      const raw = { width, height, channels: 3 };
      const input = await sharp(pixels, { raw }).png().toBuffer();
      pictures.push({ input, left: size * (1 + frame / 2), top: row * size });
    }
  }
}
await pipe.close();
const all = { width: 6 * size, height: (pictures.length / 6) * size, channels: 3, background: "white" };
await sharp(await sharp({ create: all }).composite(pictures).png().toBuffer())
  .resize(all.width * 2)
  .webp({ quality: 70 })
  .toFile(output);
