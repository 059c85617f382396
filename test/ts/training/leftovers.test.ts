import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { removeLeftovers } from "#ts/training/leftovers.js";

test("what a run left unfinished is removed, and nothing else", async (t) => {
  const folder = t.testdir({
    "film.mp4.partial": "",
    checkpoints: { ".cameo.99.4711-0.partial": "", "step-00000001.safetensors": "" },
    model: { "base.partial": { unet: {} }, base: {}, "subject.safetensors.partial": "" },
    validation: { ".0.mp4.0123456789ab.tmp": "", "0.mp4": "" },
  });
  await removeLeftovers(folder);
  t.same(readdirSync(folder).sort(), ["checkpoints", "film.mp4.partial", "model", "validation"]);
  t.same(readdirSync(join(folder, "checkpoints")), ["step-00000001.safetensors"]);
  t.same(readdirSync(join(folder, "model")), ["base"]);
  t.same(readdirSync(join(folder, "validation")), ["0.mp4"]);
});
