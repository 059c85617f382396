// The look of a picture on the structure of a film: node examples/stylise.mjs [folder]
//
// Who is where and moves how is the film's, the look the picture's and the prompt's. `strength` says how much of the film is
// given up. A look that no subject wears, such as a painting's, is an IP-Adapter's: docs/ip-adapter.md.
import { picture, recipe, save, settings } from "./recipe.mjs";

await recipe(async (pipe) => {
  // Yours would be video: "clip.mp4".
  const film = await pipe.sample({
    ...settings,
    prompt: "a critter runs on a beach",
    reference: picture("critter.png"),
    seed: 42,
  });
  await save(film, "stylise-before.mp4");
  const styled = await pipe.sample({
    ...settings,
    prompt: "a critter runs in the snow at night",
    reference: picture("critter-2.png"),
    video: film,
    strength: 0.8,
    seed: 42,
  });
  await save(styled, "stylise.mp4");
});
