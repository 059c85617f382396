// Takes the pictures of the studio that the README and docs/studio.md show, of the model that ships, in a real browser:
//
//     node scripts/page.mjs && node scripts/screenshots.mjs [--out FOLDER] [--seeds 3] [--steps N]
//
// --out is docs/pictures where it is not given, --steps the model's own. CHROME_PATH is the browser's program, /usr/bin/chromium where it is not set.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import sharp from "sharp";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(root, "docs", "pictures") },
    seeds: { type: "string", default: "3" },
    steps: { type: "string" },
  },
});
const { Studio } = await import(join(root, "dist", "studio", "index.js"));

async function openPage(url, settings) {
  const context = await browser.newContext({ deviceScaleFactor: 1.5, ...settings });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByText("Ready on cpu").waitFor();
  return page;
}

async function capture(page, name) {
  await sharp(await page.screenshot())
    .webp({ quality: 80, effort: 6 })
    .toFile(join(resolve(values.out), `${name}.webp`));
}

async function makeVideos(page) {
  await page.getByLabel("Choose a picture").setInputFiles(join(root, "examples", "critter.png"));
  await page.getByRole("img", { name: "critter.png" }).waitFor();
  await page.getByLabel("Prompt").fill("a critter runs on a beach");
  await page.getByLabel("Seed", { exact: true }).fill("40");
  await page.getByLabel("Seeds side by side").selectOption(values.seeds);
  if (values.steps !== undefined) {
    await page.getByText("More options").click();
    await page.getByLabel("Steps", { exact: true }).fill(values.steps);
    await page.getByText("More options").click();
  }
  await page.getByRole("button", { name: "Generate" }).click();
  await page
    .locator(".stage video")
    .nth(Number(values.seeds) - 1)
    .waitFor({ timeout: 600_000 });
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
  await page.waitForTimeout(1000);
}

async function paintMask(page) {
  await page.getByText("Start from a film or pictures").click();
  await page.getByLabel("First picture").setInputFiles(join(root, "examples", "critter.png"));
  await page.locator(".picked img").waitFor();
  await page.getByRole("button", { name: "Paint the mask" }).click();
  const { x, y, width, height } = await page.locator(".canvas").boundingBox();
  // Room for a hat.
  const places = [
    [0.4, 0.28],
    [0.36, 0.2],
    [0.62, 0.2],
    [0.58, 0.28],
  ];
  for (const [i, place] of places.entries()) {
    await page.mouse.move(x + place[0] * width, y + place[1] * height, { steps: 4 });
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
}

mkdirSync(values.out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), "cameo-screenshots-"));
const studio = await Studio.start({ load: { device: "cpu" }, output: folder });
const executablePath = process.env.CHROME_PATH ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await openPage(studio.url, { viewport: { width: 1280, height: 860 } });
  await makeVideos(page);
  await capture(page, "studio");
  await paintMask(page);
  await capture(page.locator("dialog"), "studio-mask");
  const phone = await openPage(studio.url, { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
  await capture(phone, "studio-phone");
} finally {
  await browser.close();
  await studio.close();
  rmSync(folder, { recursive: true });
}
