// A subject taken out of a film and another put in its place: node examples/mask.mjs [folder]
//
// White is painted anew, black stays. A mask is a picture for all frames, or a film of one a frame that follows its subject:
// docs/inpainting.md.
import { picture, recipe, save, settings } from "./recipe.mjs";

await recipe(async (pipe) => {
  const scene = { ...settings, prompt: "a critter runs on a beach", seed: 42 };
  // Yours would be video: "clip.mp4".
  const film = await pipe.sample({ ...scene, reference: picture("critter.png") });
  await save(film, "mask-before.mp4");

  const { width, height } = film;
  const mask = { data: new Uint8Array(3 * width * height), width, height };
  const [left, right, top, bottom] = [0.2, 0.85, 0.2, 0.9];
  for (let y = Math.floor(top * height); y < Math.floor(bottom * height); y++)
    mask.data.fill(
      255,
      3 * (y * width + Math.floor(left * width)),
      3 * (y * width + Math.floor(right * width)),
    );

  await save(
    await pipe.sample({ ...scene, reference: picture("critter-2.png"), video: film, mask }),
    "mask.mp4",
  );
});
