// A model with a subject of your own: node examples/customise.mjs [folder]
//
// The image model learns a subject from pictures of it: then a text alone shows it. The pictures are frames of two films that
// the model that ships makes of critter-2.png; yours are a folder of them with a caption each (docs/training.md). Three
// times as many steps of training as of sampling: minutes.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Trainer } from "cameo";
import { blank, folder, picture, recipe, save, settings, signal } from "./recipe.mjs";

const shipped = (name) => fileURLToPath(new URL(`../weights/troupe/${name}`, import.meta.url));
const scenes = [
  { prompt: "a critter runs on a beach", seed: 0 },
  { prompt: "a critter jumps in a meadow", seed: 42 },
];
const clips = join(folder, "customise/clips");
const output = join(folder, "customise/run");
const steps = 3 * settings.steps;
mkdirSync(clips, { recursive: true });

async function learn() {
  const trainer = await Trainer.open(
    {
      kind: "image",
      model: { base: shipped("base") },
      data: { source: clips, size: [128, 128], workers: 1 },
      optimizer: { learningRate: 3e-4, warmup: 10 },
      steps,
      batch: 4,
      output,
    },
    { resume: true },
  );
  try {
    for await (const event of trainer.run({ signal }))
      if (event.type === "step") console.error(`train ${event.step}/${steps}`);
  } finally {
    await trainer.close();
  }
}

await recipe(async (pipe) => {
  for (const [i, scene] of scenes.entries()) {
    const video = await pipe.sample({ ...settings, ...scene, reference: picture("critter-2.png") });
    await save(video, `customise/clips/${i}.mp4`);
    writeFileSync(join(clips, `${i}.txt`), scene.prompt);
  }
  await learn();
});
await recipe(
  async (pipe) => {
    const video = await pipe.sample({
      ...settings,
      prompt: "a critter walks in the snow",
      subjects: [{ reference: blank, strength: 0 }],
      // Those of the model that ships.
      guidanceScale: 5,
      negativePrompt: "",
      seed: 3,
    });
    await save(video, "customise.mp4");
  },
  {
    base: join(output, "model/base"),
    motion: shipped("motion"),
    subject: shipped("subject.safetensors"),
  },
);
