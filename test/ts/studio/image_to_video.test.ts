// Slow: it drives a browser.
import { join } from "node:path";
import { test } from "tap";
import { writeVideoModel } from "../../support/video_model.js";
import { fill, noSeriousViolation, open, pictures, skip } from "./browser.js";
import { sampled } from "./helpers.js";

test("of a model that makes a film of a picture, its own options are shown, and no prompt", {
  skip,
}, async (t) => {
  const requests = sampled(t);
  const { page, errors } = await open(t, {}, { base: writeVideoModel("studio-svd") });
  t.ok(await page.getByLabel("First picture").isVisible(), "what it needs is not folded away");
  for (const label of [
    "Prompt",
    "What it should not show",
    "Last picture",
    "Start film",
    "Frames in a window",
  ])
    t.equal(await page.getByLabel(label).count(), 0, label);
  await fill(page, {
    Width: "64",
    Height: "64",
    Frames: "3",
    Steps: "2",
    Seed: "7",
    "How much moves": "200",
  });
  await page.getByRole("button", { name: "Generate" }).click();
  await page.locator("#image-fault").waitFor();
  t.match(await page.getByRole("alert").textContent(), /image/);
  await page.getByLabel("First picture").setInputFiles("examples/critter.png");
  await page.getByRole("img", { name: "critter.png" }).waitFor();
  await page.screenshot({ path: join(pictures, "image-to-video.png"), fullPage: true });
  await noSeriousViolation(t, page, "the form");
  await page.getByRole("button", { name: "Generate" }).click();
  await page.locator(".stage video").waitFor();
  t.match(requests.at(-1), { image: /\.png$/, frames: 3, motionBucket: 200, prompt: undefined });

  await page.locator("#gallery").getByRole("button", { name: "Use again" }).click();
  await page.getByRole("img", { name: "first.png" }).waitFor();
  t.equal(await page.getByLabel("How much moves").inputValue(), "200");
  t.same(
    errors.filter((error) => !error.includes("422")),
    [],
  );
});
