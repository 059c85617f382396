// A picture set in motion: node examples/image-to-video.mjs [folder]
//
// The picture is the video's first frame. Here it is cut out of another video; yours would be a path. No motion modules
// were trained for this with the model that ships, so what follows may change its light: docs/films.md.
import { frameOf, picture, recipe, save, settings } from "./recipe.mjs";

await recipe(async (pipe) => {
  const scene = {
    ...settings,
    prompt: "a critter runs on a beach",
    reference: picture("critter.png"),
  };
  const image = frameOf(await pipe.sample({ ...scene, seed: 42 }), 0);
  await save(await pipe.sample({ ...scene, image, seed: 5 }), "image-to-video.mp4");
});
