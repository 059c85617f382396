// Text to video: node examples/text-to-video.mjs [folder]
//
// The model that ships was trained with a picture of the subject, so it is given a blank one, which counts nothing. With base
// and motion modules alone, as in Pipeline.load({ base, motion }), leave `subjects` out.
import { blank, recipe, save, settings } from "./recipe.mjs";

await recipe(async (pipe) => {
  const video = await pipe.sample({
    ...settings,
    prompt: "a red critter on four legs with white belly, long ears, glasses runs in the snow",
    subjects: [{ reference: blank, strength: 0 }],
    seed: 3,
  });
  await save(video, "text-to-video.mp4");
});
