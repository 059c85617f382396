#!/usr/bin/env node
// A page with the films of a folder that sample.js wrote, in the order of the cases: all, or so many from the first on.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import sharp from "sharp";
import { number } from "#ts/cli/flags.js";
import { runProgram } from "../command.js";
import { type Case, casesOf, frames, nameOf, referenceOf, size, type Truth } from "./cases.js";

/** Pixels; with AVIF, 50 films are some 200 KB. */
const shown = 64;

/** The frames below one another, and the reference: two pictures beside the page. */
async function writePictures(folder: string, page: string, one: Case): Promise<void> {
  const name = nameOf(one);
  const { data, width, height } = referenceOf(one);
  await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(shown)
    .avif({ quality: 40 })
    .toFile(join(page, `${name}-reference.avif`));
  await sharp(join(folder, `${name}.png`))
    .resize(shown, shown * frames)
    .avif({ quality: 20, effort: 6 })
    .toFile(join(page, `${name}.avif`));
}

function figure(truth: Truth): string {
  const [name, { caption }] = [nameOf(truth), truth];
  return (
    `<figure><img src="${name}-reference.avif" alt="the reference" loading="lazy">` +
    `<div role="img" aria-label="${caption}" style="background-image:url(${name}.avif)"></div>` +
    `<figcaption>${caption}</figcaption></figure>`
  );
}

const style = `
body { font: 13px/1.3 system-ui, sans-serif; margin: 1rem; background: #fff; color: #222; }
main { display: flex; flex-wrap: wrap; gap: 12px; }
figure { margin: 0; width: ${2 * shown}px; }
figure img, figure div { width: ${shown}px; height: ${shown}px; float: left; }
figure div { background-size: ${shown}px ${shown * frames}px; animation: film ${frames / 8}s steps(${frames}) infinite; }
figcaption { clear: both; }
@keyframes film { to { background-position: 0 -${shown * frames}px; } }`;

interface Flags {
  split: "validation" | "test";
  first: number;
}

async function makePage(folder: string, page: string, { split, first }: Flags) {
  await mkdir(page, { recursive: true });
  const lines = (await readFile(join(folder, "cases.jsonl"), "utf8")).trim().split("\n");
  const truths = lines.slice(0, first).map((line) => JSON.parse(line) as Truth);
  for (const one of casesOf(split, truths.length)) await writePictures(folder, page, one);
  const html =
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${truths.length} films</title><style>${style}</style>` +
    `<h1>${truths.length} subjects that were never trained on, unselected</h1><p>The reference, and the film of it in ` +
    `${size}x${size} pixels.</p><main>${truths.map(figure).join("\n")}</main></html>\n`;
  await writeFile(join(page, "index.html"), html);
}

const program = new Command("films")
  .description("make a page of all films of a folder")
  .argument("<folder>", "of sample.js")
  .argument("<page>", "the page's folder")
  .option("--split <name>", "of subjects: validation or test", "test")
  .option("--first <n>", "no more than the first ones", number, Number.POSITIVE_INFINITY)
  .action(makePage);

await runProgram(program);
