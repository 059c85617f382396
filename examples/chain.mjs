// From a text to a picture, from the picture to a film, and on: node examples/chain.mjs [folder]
//
// Emu Video's factorisation (arXiv 2311.10709). The model that ships makes pictures within films, so the first one is taken
// out of a film; with a base alone, Pipeline.load({ base }) makes it as a still.
import { Video } from "cameo";
import { blank, frameOf, recipe, save, settings } from "./recipe.mjs";

const prompt = "a red critter on four legs with white belly, long ears, glasses runs in the snow";

await recipe(async (pipe) => {
  const drafts = await pipe.sample({
    ...settings,
    prompt,
    subjects: [{ reference: blank, strength: 0 }],
    seed: 3,
  });
  const first = frameOf(drafts, 8);
  await save(
    Video.from({ frames: first.data, request: { ...drafts.request, frames: 1 } }),
    "chain-picture.png",
  );
  const film = await pipe.sample({ ...settings, prompt, image: first, reference: first, seed: 3 });
  await save(film, "chain-film.mp4");
  const longer = await pipe.extend(film, { ...settings, prompt, frames: 12, seed: 4 });
  await save(longer, "chain.mp4");
});
