// Text and a picture to video: node examples/text-and-image.mjs [folder]
//
// The picture says who stars, the text what happens: the same two subjects in two scenes.
import { picture, recipe, save, settings } from "./recipe.mjs";

await recipe(async (pipe) => {
  for (const name of ["critter", "critter-2"]) {
    const video = await pipe.sample({
      ...settings,
      prompt: "a critter jumps in a meadow",
      reference: picture(`${name}.png`),
      seed: 42,
    });
    await save(video, `text-and-image-${name}.mp4`);
  }
});
