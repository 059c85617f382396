// Slow: it drives a browser.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { type Test, test } from "tap";
import type { SampleRequest } from "#ts/options/sample_options.js";
import { writeModel } from "../../support/model_folder.js";
import { scheduler } from "../../support/small_model.js";
import { drop, fill, noSeriousViolation, open, pictures, skip, unfold } from "./browser.js";
import { filmFile, sampled } from "./helpers.js";

const size = { Width: "96", Height: "64", Steps: "2", Seed: "7" };
const critter = "examples/critter.png";

/** A film as a file of the page's. */
async function film(count: number) {
  return { name: "clip.mp4", mimeType: "video/mp4", buffer: await filmFile(count, [96, 64]) };
}

async function addReference(page: Page): Promise<void> {
  await drop(page, critter);
  await page.getByRole("img", { name: "me.png" }).first().waitFor();
}

async function generate(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Generate" }).click();
}

/** The request that reached the pipeline, when its video is there. */
async function made(page: Page, requests: object[]): Promise<SampleRequest> {
  await generate(page);
  await page.locator(".stage video").waitFor();
  return requests.at(-1) as SampleRequest;
}

/** Presses at a place of the open canvas, in parts of it, and moves to others. */
async function paint(page: Page, ...places: readonly (readonly [x: number, y: number])[]): Promise<void> {
  const box = await page.locator(".canvas canvas").boundingBox();
  if (!box) throw new Error("there is no canvas");
  for (const [i, [x, y]] of places.entries()) {
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
}

interface Mask {
  width: number;
  height: number;
  /** 0 to 255, at a place in parts of the mask. */
  at(x: number, y: number): number | undefined;
  /** How much of it is white. */
  white: number;
}

async function readMask(path: unknown): Promise<Mask> {
  const { data, info } = await sharp(path as string)
    .extractChannel(0)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return {
    ...{ width, height },
    at: (x, y) => data[Math.floor(y * height) * width + Math.floor(x * width)],
    white: data.filter((value) => value === 255).length / data.length,
  };
}

/** The fault by a field, and that the field is marked. */
async function fault(t: Test, page: Page, field: string): Promise<string | null> {
  const element = page.locator(`[id="${field}"]`);
  t.equal(await element.getAttribute("aria-invalid"), "true", field);
  const named = (await element.getAttribute("aria-describedby")) ?? "";
  t.match(named, `${field}-fault`);
  return page.locator(`[id="${field}-fault"]`).textContent();
}

test("a start film, its strength and a painted mask reach the pipeline, and come back", {
  skip,
}, async (t) => {
  const requests = sampled(t);
  const { page, errors } = await open(t);
  await addReference(page);
  await page.getByRole("textbox", { name: "Prompt" }).fill("A critter on a beach.");
  await fill(page, size);
  await page.locator("#strength").fill("0,5");
  const clip = await film(5);
  await page.getByLabel("Start film").setInputFiles(clip);
  await page.getByRole("img", { name: "clip.mp4" }).waitFor();
  t.equal(await page.getByLabel("Frames", { exact: true }).getAttribute("placeholder"), "5");

  await page.getByRole("button", { name: "Paint the mask" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByText("Nothing is painted yet.").waitFor();
  await paint(page, [0.2, 0.2], [0.2, 0.8]);
  await paint(page, [0.8, 0.2], [0.8, 0.8]);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("button", { name: "Eraser" }).click();
  await paint(page, [0.2, 0.8]);
  await page.screenshot({ path: join(pictures, "painter.png") });
  await noSeriousViolation(t, page, "the painter");
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Change the mask" }).waitFor();

  const { video, mask, strength, reference } = await made(page, requests);
  t.ok(readFileSync(video as string).equals(clip.buffer), "the film as it was given");
  t.equal(strength, 0.5);
  t.match(reference, [/\.png$/]);
  const painted = await readMask(mask);
  t.strictSame([painted.width, painted.height], [96, 64]);
  t.strictSame(
    [painted.at(0.2, 0.3), painted.at(0.2, 0.8), painted.at(0.8, 0.5), painted.at(0.5, 0.5)],
    [255, 0, 0, 0],
    "white where it was painted, and neither undone nor erased",
  );

  await page.reload();
  await page.getByText("Ready on cpu").waitFor();
  await unfold(page);
  await page.getByRole("img", { name: "clip.mp4" }).waitFor();
  t.equal(await page.locator("#strength").inputValue(), "0,5", "the form is as it was");
  await page.getByRole("button", { name: "Remove clip.mp4" }).click();
  await page.locator("#gallery").getByRole("button", { name: "Use again" }).click();
  await page.getByRole("img", { name: "start.mp4" }).waitFor();
  t.equal(await page.locator("#strength").inputValue(), "0.5");
  await page.getByRole("img", { name: "What is painted of the mask" }).waitFor();
  await generate(page);
  await page.locator("#gallery .entry").nth(1).waitFor();
  const again = requests.at(-1) as SampleRequest;
  t.match(again, { video, mask, strength, reference }, "the same files");
  t.strictSame(errors, []);
});

test("masks are painted by the keyboard and by touch, on a small phone", { skip }, async (t) => {
  const viewport = { width: 320, height: 640 };
  const { page, errors } = await open(t, { viewport, hasTouch: true, colorScheme: "dark" });
  await fill(page, size);
  const sent: Record<string, string>[] = [];
  await page.route("**/api/jobs", (route) => {
    sent.push(route.request().postDataJSON());
    return route.fulfill({ status: 202, json: { jobs: [] } });
  });
  const uploads: Buffer[] = [];
  await page.route("**/api/uploads", (route) => {
    uploads.push(route.request().postDataBuffer() as Buffer);
    return route.continue();
  });
  const done = async () => {
    await page.getByRole("button", { name: "Done" }).press("Enter");
    await page.locator("dialog").waitFor({ state: "detached" });
    return readMask(uploads.at(-1));
  };
  const canvas = page.getByRole("application");

  await page.getByRole("button", { name: "Paint the mask" }).press("Enter");
  for (let i = 0; i < 10 && !(await canvas.evaluate((it) => it === document.activeElement)); i++)
    await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page.keyboard.press("Control+z");
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowUp");
  for (let i = 0; i < 12; i++) await page.keyboard.press("Shift+ArrowLeft");
  await noSeriousViolation(t, page, "the painter on a phone");
  const byKeys = await done();
  t.strictSame(
    [byKeys.at(0.5, 0.5), byKeys.at(0.2, 0.5), byKeys.at(0.5, 0.7), byKeys.at(0.8, 0.5)],
    [255, 255, 0, 0],
  );

  await page.getByRole("button", { name: "Change the mask" }).tap();
  t.equal(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
  const box = await canvas.boundingBox();
  if (!box) throw new Error("there is no canvas");
  await page.touchscreen.tap(box.x + 0.8 * box.width, box.y + 0.2 * box.height);
  await page.screenshot({ path: join(pictures, "painter-phone.png") });
  const byTouch = await done();
  t.strictSame([byTouch.at(0.8, 0.2), byTouch.at(0.2, 0.5)], [255, 255], "beside what was there");

  await page.getByRole("button", { name: "Change the mask" }).tap();
  await page.getByRole("button", { name: "Clear" }).tap();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await fill(page, { Width: "64" });
  await generate(page);
  t.equal(
    await fault(t, page, "mask"),
    "it was painted at 96 × 64, and the video is 64 × 64; look at it again",
  );
  t.strictSame(sent, []);
  await page.getByRole("button", { name: "Change the mask" }).tap();
  const resized = await done();
  t.strictSame([resized.width, resized.height, resized.at(0.8, 0.2)], [64, 64, 255]);
  await generate(page);
  await page.waitForFunction(() => document.querySelector("[role=alert]") === null);
  t.match(sent, [{ mask: String, width: 64 }]);
  t.strictSame(errors, []);
});

test("a first and a last picture reach the pipeline; its errors stand by their fields", {
  skip,
}, async (t) => {
  const requests = sampled(t);
  const { page } = await open(t);
  await addReference(page);
  await fill(page, { ...size, Frames: "4" });
  await page.getByLabel("First picture").setInputFiles(critter);
  await page.getByLabel("Last picture").setInputFiles("examples/critter-2.png");
  await page.getByRole("img", { name: "critter-2.png" }).waitFor();
  const { image, lastImage, strength } = await made(page, requests);
  t.ok(readFileSync(image as string).equals(readFileSync(critter)));
  t.ok(readFileSync(lastImage as string).equals(readFileSync("examples/critter-2.png")));
  t.equal(strength, undefined);

  await page.getByLabel("Start film").setInputFiles(await film(5));
  await page.getByRole("img", { name: "clip.mp4" }).waitFor();
  await page
    .locator("details", { has: page.locator("#video") })
    .locator("summary")
    .click();
  await generate(page);
  await page.locator("#image-fault").waitFor();
  t.equal(await fault(t, page, "image"), "the video has all frames already; give one of the two");
  t.equal(await page.evaluate(() => document.activeElement?.id), "image", "it is open, and has the focus");
  t.match(await page.getByRole("alert").textContent(), /^image: the video has all frames already/);
  await page.getByRole("button", { name: "Remove critter.png" }).click();
  await page.getByRole("button", { name: "Remove critter-2.png" }).click();
  t.equal(await page.locator("#image-fault").count(), 0, "a field that was changed is no longer marked");
  await generate(page);
  await page.locator("#video-fault").waitFor();
  t.match(await fault(t, page, "video"), /^has 5 frames and the request 4; leave frames out/);
  await page.locator("#strength").fill("2");
  await generate(page);
  await page.locator("#strength-fault").waitFor();
  t.equal(await fault(t, page, "strength"), "2 is not allowed; it must be a number from 0 to 1");
  await page.getByLabel("Another start film").setInputFiles({
    name: "no.mp4",
    mimeType: "video/mp4",
    buffer: Buffer.from("no film"),
  });
  await page.getByText("video is no film that can be read; give an MP4, WebM, GIF or WebP").waitFor();
  t.ok(await page.getByRole("img", { name: "clip.mp4" }).count(), "what was there stays");
});

test("several subjects, each with a region and a strength, reach the pipeline", { skip }, async (t) => {
  const requests = sampled(t);
  const { page, errors } = await open(t);
  await addReference(page);
  await page.getByRole("button", { name: "Add another subject" }).click();
  await page.getByRole("button", { name: "Add another subject" }).click();
  await page.getByRole("button", { name: "Remove subject 3" }).click();
  const second = page.getByRole("group", { name: "Subject 2" });
  await second.getByLabel("Choose a picture").setInputFiles("examples/critter-2.png");
  await page.getByRole("img", { name: "critter-2.png" }).waitFor();
  await fill(page, { ...size, Frames: "4" });
  const first = page.getByRole("group", { name: "Subject 1" });
  await first.getByLabel("Where it is").selectOption("A box");
  await first.getByLabel("Strength").fill("0,5");
  await first.getByLabel("In words").fill("A red critter.");
  for (const [side, percent] of Object.entries({ "Left, %": "33,3", "Width, %": "66,7", "Top, %": "10" }))
    await first.getByLabel(side).fill(percent);
  await second.getByLabel("Where it is").selectOption("Painted");
  t.equal(await page.locator("[aria-invalid=true]").count(), 0, "what isn't there yet is no fault yet");
  await generate(page);
  t.equal(await fault(t, page, "subjects[1].region"), "nothing is painted yet");
  await second.getByRole("button", { name: "Paint the region of subject 2" }).click();
  await paint(page, [0.2, 0.5]);
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("img", { name: "What is painted of the region of subject 2" }).waitFor();

  await generate(page);
  await page.locator('[id="subjects[0].region-fault"]').waitFor();
  t.match(
    await page.locator('[id="subjects[0].region-fault"]').textContent(),
    /it must be a box .* within it/,
  );
  const surface = first.locator(".box-surface");
  await surface.scrollIntoViewIfNeeded();
  const box = await surface.boundingBox();
  if (!box) throw new Error("there is no surface");
  await page.mouse.move(box.x + 0.75 * box.width, box.y + 0.25 * box.height);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.25 * box.width, box.y + 0.75 * box.height, { steps: 3 });
  await page.mouse.up();
  t.equal(await first.getByLabel("Left, %").inputValue(), "25");
  await page.screenshot({ path: join(pictures, "subjects.png"), fullPage: true });
  await noSeriousViolation(t, page, "several subjects");
  const { reference, subjects } = await made(page, requests);
  t.equal(reference, undefined);
  t.match(subjects, [
    {
      reference: [/\.png$/],
      strength: 0.5,
      words: "A red critter.",
      region: { x: 0.25, y: 0.25, width: 0.5, height: 0.5 },
    },
    { reference: [/\.png$/], strength: undefined, region: /\.png$/ },
  ]);
  const region = await readMask(subjects?.[1]?.region);
  t.strictSame([region.width, region.at(0.2, 0.5), region.at(0.8, 0.5)], [96, 255, 0]);

  await page.getByRole("button", { name: "Remove subject 1" }).click();
  await page.getByRole("group", { name: "Reference" }).waitFor();
  await page.locator("#gallery").getByRole("button", { name: "Use again" }).click();
  await page.getByRole("img", { name: "subject-2-1.png" }).waitFor();
  await unfold(page);
  await page.getByRole("img", { name: "What is painted of the region of subject 2" }).waitFor();
  t.equal(await first.getByLabel("Height, %").inputValue(), "50");
  t.equal(await first.getByLabel("Strength").inputValue(), "0.5");
  t.equal(await first.getByLabel("In words").inputValue(), "A red critter.");
  await generate(page);
  await page.locator("#gallery .entry").nth(1).waitFor();
  t.strictSame((requests.at(-1) as SampleRequest).subjects, subjects);
  t.ok(errors.every((error) => error.includes("422")));
});

test("length, windows, loop, noise and prompts over time reach the pipeline", { skip }, async (t) => {
  const requests = sampled(t);
  const { page } = await open(t);
  await addReference(page);
  await page.getByRole("textbox", { name: "Prompt" }).fill("A critter on a beach.");
  await page.getByRole("button", { name: "Add a prompt for later frames" }).click();
  await page.getByLabel("Then").fill("A critter in the snow.");
  await fill(page, { ...size, Frames: "20" });
  await generate(page);
  t.equal(await fault(t, page, "later[0]"), "needs a frame");
  await page.getByLabel("At frame").fill("20");
  await generate(page);
  await page.locator("#prompt-fault").waitFor();
  t.match(await fault(t, page, "prompt"), /^there is no frame 20 in 20 frames/);
  await page.getByLabel("At frame").fill("10");

  await page.getByLabel("Noise").selectOption("FreeNoise");
  await page.getByLabel("Loop").check();
  await generate(page);
  await page.locator("#noise-fault").waitFor();
  t.match(await fault(t, page, "noise"), /can't make a loop; leave one of them out/);
  await page.getByLabel("Noise").selectOption("Independent");
  const windows = page.getByLabel("Frames in a window");
  t.equal(await windows.getAttribute("placeholder"), "15", "16 at a time, of which one is the reference");
  const taken = await made(page, requests);
  t.match(taken, {
    ...{ frames: 20, loop: true, context: { length: 15 } },
    prompt: { 0: "A critter on a beach.", 10: "A critter in the snow." },
  });
  await windows.fill("16");
  await generate(page);
  await page.locator("#context-fault").waitFor();
  t.match(await fault(t, page, "context"), /^16 is not allowed; it must be at most 15/);
  await windows.fill("8");
  await page.getByLabel("Overlap").fill("2");
  await page.getByLabel("Loop").uncheck();
  await page.getByLabel("Noise").selectOption("FreeNoise");
  await page.getByRole("button", { name: "Remove prompt 2" }).click();
  await generate(page);
  await page.locator("#gallery .entry").nth(1).waitFor();
  t.match(requests.at(-1), { context: { length: 8, overlap: 2 }, noise: "freenoise", loop: undefined });
  t.equal((requests.at(-1) as SampleRequest).prompt, "A critter on a beach.");

  await page.locator("#gallery").getByRole("button", { name: "Use again" }).nth(1).click();
  t.equal(await page.getByLabel("At frame").inputValue(), "10");
  t.equal(await page.getByLabel("Then").inputValue(), "A critter in the snow.");
  t.equal(await windows.inputValue(), "15");
  t.equal(await page.getByLabel("Loop").isChecked(), true);
  t.equal(await page.getByLabel("Noise").inputValue(), "independent");
});

test("of a model without a subject and motion only what it can do is shown", { skip }, async (t) => {
  const { base } = writeModel("build/fixtures/studio/still", { motion: null, subject: null, scheduler });
  const requests = sampled(t);
  const { page } = await open(t, {}, { base });
  t.equal(await page.getByText("This model takes no reference").count(), 1);
  for (const name of ["Add another subject", "Add a prompt for later frames"])
    t.equal(await page.getByRole("button", { name }).count(), 0, name);
  await unfold(page);
  for (const label of ["Last picture", "Frames in a window", "Loop", "Noise"])
    t.equal(await page.getByLabel(label).count(), 0, label);
  await fill(page, size);
  await page.getByLabel("First picture").setInputFiles(critter);
  await page.getByRole("img", { name: "critter.png" }).waitFor();
  t.equal(await page.locator("#strength").getAttribute("placeholder"), "0.8");
  await generate(page);
  await page.locator(".stage img.clip:not(.preview)").waitFor();
  t.match(requests, [{ image: /\.png$/, subjects: undefined, reference: undefined }]);
});
