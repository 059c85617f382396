// Slow: it drives a browser.
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { test } from "tap";
import { drop, fill, noSeriousViolation, open, pictures, skip } from "./browser.js";

const size = { Width: "64", Height: "64", Frames: "4" };

test("the main job: a reference, a sentence, a video, and the same again", { skip }, async (t) => {
  const { page, errors, context } = await open(t);
  t.equal(new URL(page.url()).search, "", "the token is gone from the address");
  t.strictSame(await context.cookies(), [], "other ports of this machine are sent nothing");
  await noSeriousViolation(t, page, "the empty page");
  await page.screenshot({ path: join(pictures, "empty.png") });

  await drop(page, "examples/critter.png");
  await page.getByRole("img", { name: "me.png" }).waitFor();
  await page.getByLabel("Prompt").fill("A critter runs on a beach.");
  await fill(page, { ...size, Steps: "1000", Seed: "7", Guidance: "7,1250" });
  await page.getByRole("button", { name: "Generate" }).click();

  const preview = page.getByRole("img", { name: "Preview of seed 7" });
  await preview.waitFor();
  t.ok(await page.getByRole("progressbar").count(), "its progress is there");
  await page.screenshot({ path: join(pictures, "running.png") });

  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByRole("heading", { name: "A critter runs on a beach." }).waitFor();
  await page.reload();
  await page.getByRole("img", { name: "me.png" }).waitFor();
  t.equal(
    await page.getByLabel("Prompt").inputValue(),
    "A critter runs on a beach.",
    "the form is as it was",
  );

  await page.getByRole("button", { name: "Cancel the video with seed 7" }).click();
  await page.locator(".job.cancelled").waitFor();
  await fill(page, { Steps: "3" });
  await page.getByRole("button", { name: "Generate" }).click();

  const video = page.locator(".stage video");
  await video.waitFor();
  await page.waitForFunction(
    () => (document.querySelector(".stage video") as HTMLVideoElement)?.readyState >= 2,
  );
  const [width, loop] = await video.evaluate((element: HTMLVideoElement) => [
    element.videoWidth,
    element.loop,
  ]);
  t.strictSame([width, loop], [64, true]);
  await other.locator(".stage video").waitFor();
  const downloading = page.waitForEvent("download");
  await page.locator(".stage").getByRole("link", { name: "Download" }).click();
  t.match((await downloading).suggestedFilename(), /^cameo-.*\.mp4$/);
  await page.screenshot({ path: join(pictures, "done.png"), fullPage: true });

  await page.getByLabel("Prompt").fill("Something else.");
  await page.getByRole("button", { name: "Remove me.png" }).click();
  await page.locator("#gallery").getByRole("button", { name: "Use again" }).click();
  await page.getByRole("img", { name: "reference-1.png" }).waitFor();
  t.equal(await page.getByLabel("Prompt").inputValue(), "A critter runs on a beach.");
  t.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), "7");
  t.equal(await page.getByLabel("Steps").inputValue(), "3");
  const guidance = page.getByLabel("Guidance", { exact: true });
  t.equal(await guidance.inputValue(), "7.1250", "7.125 could be two numbers");
  await noSeriousViolation(t, page, "the page with a video");
  t.strictSame(errors, []);
});

test("cancels one of several side by side, and shows errors as one line", { skip }, async (t) => {
  const { page, errors } = await open(t);
  await page.getByLabel("Choose a picture").setInputFiles("examples/critter.png");
  await page.getByRole("img", { name: "critter.png" }).waitFor();
  await page.getByLabel("Prompt").fill("A critter dances.");
  await fill(page, { ...size, Steps: "1000", Seed: "5" });
  await page.getByLabel("Seeds side by side").selectOption("3");
  await page.getByLabel("Prompt").press("Control+Enter");
  const jobs = page.locator(".job");
  await page.getByRole("img", { name: "Preview of seed 5" }).waitFor();
  t.equal(await jobs.count(), 3);
  await page.screenshot({ path: join(pictures, "seeds.png") });
  await page.getByRole("button", { name: "Cancel the video with seed 5" }).click();
  await page.getByRole("img", { name: "Preview of seed 6" }).waitFor();
  t.match(await jobs.first().textContent(), "Cancelled");
  await page.getByRole("button", { name: "Cancel all" }).click();
  await page.locator(".job.cancelled").nth(2).waitFor();

  await fill(page, { Steps: "0" });
  await page.getByRole("button", { name: "Generate" }).click();
  const alert = page.getByRole("alert");
  await alert.waitFor();
  t.match(await alert.textContent(), /^steps: 0 is not allowed; it must be a whole number/);
  await page.getByLabel("Add another picture").setInputFiles({
    name: "no.png",
    mimeType: "image/png",
    buffer: Buffer.from("no picture"),
  });
  await page.getByText(/it is of no known format/).waitFor();
  t.ok(
    errors.every((error) => error.includes("422")),
    errors.join(),
  );
});

test("a number that can't be read is marked, and nothing is sent", { skip }, async (t) => {
  const { page, errors } = await open(t);
  await page.getByLabel("Choose a picture").setInputFiles("examples/critter.png");
  await page.getByRole("img", { name: "critter.png" }).waitFor();
  await page.getByLabel("Prompt").fill("A critter dances.");
  await fill(page, { ...size, Steps: "2" });
  // Answered here: what matters is what is sent.
  const sent: Record<string, unknown>[] = [];
  await page.route("**/api/jobs", (route) => {
    sent.push(route.request().postDataJSON());
    return route.fulfill({ status: 202, json: { jobs: [] } });
  });
  const generate = page.getByRole("button", { name: "Generate" });
  const wrong = [
    "7,5,0",
    "1,000",
    "1.000",
    "12.500",
    "-7,125",
    "7;5",
    "7 5",
    "seven",
    "1.000,5",
    "1e400",
    "Infinity",
    "0x10",
    "\u221e",
    "-",
    ",",
    "１",
  ];
  for (const [label, texts] of [
    ["Guidance", wrong],
    ["Steps", ["7,5", "7.5", "1.000", "1e3", "2,0"]],
    ["Seed", ["7,5", "0x7"]],
  ] as const) {
    const field = page.getByLabel(label, { exact: true });
    const before = await field.inputValue();
    for (const text of texts) {
      await field.fill(text);
      t.equal(await field.getAttribute("aria-invalid"), "true", `${label} ${text}`);
      await generate.click();
      t.match(await page.getByRole("alert").textContent(), `${label}: "${text}" is not a `);
    }
    if (label === "Guidance") await noSeriousViolation(t, page, "a field that is wrong");
    await field.fill(before);
  }
  t.strictSame(sent, []);
  const right = {
    "7,5": 7.5,
    "7.5": 7.5,
    " 7 ": 7,
    "0,125": 0.125,
    "0.125": 0.125,
    "7.1250": 7.125,
    "1000": 1000,
    ",5": 0.5,
    "12,5": 12.5,
    "1e1": 10,
    "": undefined,
  };
  for (const [text, value] of Object.entries(right)) {
    await page.getByLabel("Guidance", { exact: true }).fill(text);
    await page.getByLabel("Frames a second", { exact: true }).fill("7,5");
    const answered = page.waitForResponse("**/api/jobs");
    await generate.click();
    await answered;
    const order = sent.pop();
    t.match(order, { steps: 2, width: 64, fps: 7.5 });
    t.equal(order?.guidanceScale, value, text);
  }
  t.strictSame(errors, []);
});

test("opens by a code once, and a wrong token in its address changes nothing", { skip }, async (t) => {
  const { page, studio, context } = await open(t);
  const stored = (of: Page) => of.evaluate(() => localStorage.getItem("token"));
  const { origin, searchParams } = new URL(studio.url);
  const token = searchParams.get("token");
  for (const query of ["?token=wrong", "?code=wrong", "?token="]) {
    await page.goto(`${origin}/${query}`);
    await page.getByText("Ready on cpu").waitFor();
    t.equal(await stored(page), token, query);
    t.equal(page.url(), `${origin}/`);
  }
  const browser = context.browser() as Browser;
  const first = await (await browser.newContext()).newPage();
  await first.goto(studio.browserUrl);
  await first.getByText("Ready on cpu").waitFor();
  t.equal(first.url(), `${origin}/`);
  await first.reload();
  await first.getByText("Ready on cpu").waitFor();
  const late = await (await browser.newContext()).newPage();
  await late.goto(studio.browserUrl);
  await late.getByText("Open the link that cameo studio printed").waitFor();
  t.equal(await stored(late), null);
});

test("fits a phone, in the dark, by the keyboard", { skip }, async (t) => {
  const settings = {
    viewport: { width: 360, height: 740 },
    reducedMotion: "reduce",
    colorScheme: "dark",
  } as const;
  const { page, studio } = await open(t, settings);
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  t.ok((await overflow()) <= 0);
  await page.getByLabel("Choose a picture").setInputFiles("examples/critter.png");
  await page.getByRole("img", { name: "critter.png" }).waitFor();
  await fill(page, { ...size, Steps: "2" });
  await page.getByLabel("Prompt").focus();
  await page.keyboard.type("A_critter_with_a_very_long_name_that_no_line_of_a_phone_can_hold jumps.");
  for (let i = 0; i < 40 && (await focusedText(page)) !== "Generate"; i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator(".stage video").waitFor();
  t.ok(await page.locator(".stage video").evaluate((video: HTMLVideoElement) => video.paused), "no motion");
  await page.locator("#gallery details summary").click();
  await page.locator(".chart canvas").waitFor();
  t.ok((await overflow()) <= 0);
  await noSeriousViolation(t, page, "the phone");
  await page.screenshot({ path: join(pictures, "phone.png"), fullPage: true });

  await page.locator("#gallery").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete for good?" }).click();
  await page.getByText("Every video that you make is kept here").waitFor();
  await studio.close();
  await page.getByText("The studio does not answer").waitFor();
});

test("shows training runs' curves", { skip }, async (t) => {
  const { page, errors } = await open(t);
  await page.getByRole("link", { name: "Training" }).click();
  await page.locator(".chart canvas").waitFor();
  t.match(await page.locator("tbody tr").textContent(), /people300/);
  await page.locator("#training").screenshot({ path: join(pictures, "training.png") });
  t.strictSame(errors, []);
});

function focusedText(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent ?? "");
}
