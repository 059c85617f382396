import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { Test } from "tap";
import type { LoadOptions } from "#ts/options/load_options.js";
import { Studio } from "#ts/studio/index.js";
import { model, writeMetrics } from "./helpers.js";

const executablePath = [process.env.CHROME_PATH, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);
export const skip =
  executablePath === undefined && "there is no chromium; `apt install chromium`, or set CHROME_PATH to one";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** For whoever wants to see what the tests saw. */
export const pictures = "build/studio";
mkdirSync(pictures, { recursive: true });

export interface Opened {
  studio: Studio;
  context: BrowserContext;
  page: Page;
  /** What the page logged as an error, such as a breach of its content security policy. */
  errors: string[];
}

/** A studio on the small model and a browser on its page. */
export async function open(
  t: Test,
  settings: Parameters<Browser["newContext"]>[0] = {},
  load: LoadOptions = model,
): Promise<Opened> {
  const folder = t.testdir({ runs: { people: {} } });
  writeMetrics(join(folder, "runs", "people", "metrics.jsonl"), 300);
  const output = join(folder, "gallery");
  const runs = join(folder, "runs");
  const studio = await Studio.start({ load: { ...load, device: "cpu" }, output, runs });
  t.teardown(() => studio.close());
  const args = ["--no-sandbox", "--disable-gpu"];
  const browser = await chromium.launch({ executablePath: executablePath as string, args });
  t.teardown(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(studio.url);
  await page.getByText("Ready on cpu").waitFor();
  return { studio, context, page, errors };
}

export async function drop(page: Page, file: string): Promise<void> {
  const bytes = readFileSync(file).toString("base64");
  const transfer = await page.evaluateHandle((text) => {
    const data = new DataTransfer();
    const raw = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    data.items.add(new File([raw], "me.png", { type: "image/png" }));
    return data;
  }, bytes);
  await page.dispatchEvent(".drop >> nth=0", "drop", { dataTransfer: transfer });
}

/** Opens all that is folded in the form. */
export async function unfold(page: Page): Promise<void> {
  const folded = page.locator(".order details:not([open]) > summary");
  while ((await folded.count()) > 0) await folded.first().click();
}

export async function fill(page: Page, fields: Record<string, string>): Promise<void> {
  await unfold(page);
  for (const [label, value] of Object.entries(fields))
    await page.getByLabel(label, { exact: true }).fill(value);
}

export async function noSeriousViolation(t: Test, page: Page, where: string): Promise<void> {
  // The page's own policy allows no script but its own; a debugger may.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe: checker } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    return (await checker.run()).violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      html: nodes[0]?.html,
    }));
  });
  t.strictSame(
    found.filter(({ impact }) => impact === "serious" || impact === "critical"),
    [],
    where,
  );
}
