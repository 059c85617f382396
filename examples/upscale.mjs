// Frames through an upscaler of your own: node examples/upscale.mjs [folder]
//
// Each frame is enlarged as it comes out of the decoder, while the next one is decoded. Here it is Lanczos' filter; put your
// network in its place. Needs `npm install sharp`.
import { Video } from "cameo";
import sharp from "sharp";
import { picture, recipe, save, settings } from "./recipe.mjs";

const factor = 2;

/** RGB in, RGB out, (height, width, 3). */
async function upscale(frame, { width, height }) {
  const small = sharp(frame, { raw: { width, height, channels: 3 } });
  return small
    .resize(factor * width, factor * height, { kernel: "lanczos3" })
    .raw()
    .toBuffer();
}

await recipe(async (pipe) => {
  const film = await pipe.stream({
    ...settings,
    prompt: "a critter runs on a beach",
    reference: picture("critter.png"),
    seed: 42,
  });
  const frames = [];
  for await (const frame of film) frames.push(await upscale(frame, film));
  const [width, height] = [factor * film.width, factor * film.height];
  // The file says how it was made, as every other.
  await save(
    Video.from({ frames: Buffer.concat(frames), request: { ...film.request, width, height } }),
    "upscale.mp4",
  );
});
