// Slow: it decodes films, in processes.
import { join } from "node:path";
import { type Test, test } from "tap";
import type { Sample } from "#ts/data/index.js";
import { placed } from "#ts/data/pixels.js";
import { type Box, regionOf } from "#ts/data/regions.js";
import {
  type DataRecipe,
  openData,
  paintClip,
  pixel,
  recipe,
  reference,
  samplesOf,
  take,
  writeText,
} from "./helpers.js";

const white = [255, 255, 255];
const side = 32;

/** A clip whose left half is red and whose right half is green, four frames, with a mask of a part of each. */
async function writePair(folder: string, masks: [string, string] = ["left", "right"]): Promise<string> {
  await paintClip(join(folder, "clip", "%d.png"), [4, 2 * side, side], (_, x) =>
    x < side ? [200, 0, 0] : [0, 200, 0],
  );
  const mask = (name: string, frames: number, from: (frame: number) => number) =>
    paintClip(join(folder, name, "%d.png"), [frames, 2 * side, side], (frame, x, y) =>
      x >= from(frame) && x < from(frame) + 8 && y >= 16 ? [255, 255, 255] : [0, 0, 0],
    );
  await mask("left", 4, (frame) => 4 + 2 * frame);
  await mask("right", 1, () => 40);
  const row = {
    path: "clip",
    caption: "Two.",
    subjects: masks.map((name) => ({ mask: name, words: "One." })),
  };
  return writeText(join(folder, "list.jsonl"), JSON.stringify(row));
}

const pair = (changes: Partial<NonNullable<DataRecipe["references"]>> = {}): Partial<DataRecipe> => ({
  size: [[2 * side, side]],
  references: { ...reference, subjects: { count: 2, grow: 0 }, ...changes },
});

const near = (t: Test, box: Box | undefined, wanted: Box) =>
  t.ok(
    box && wanted.every((value, i) => Math.abs(value - (box[i] as number)) < 1e-9),
    `${box} for ${wanted}`,
  );

/** The colours that a reference shows. */
function coloursOf({ references }: Sample, index: number): string[] {
  const size = 3 * 2 * side * side;
  const picture = references?.subarray(index * size, (index + 1) * size);
  const rows = Array.from({ length: side }, (_, y) => y);
  return [...new Set(rows.flatMap((y) => rows.map((_, x) => pixel(picture, 2 * side, 2 * x, y).join())))];
}

test("each subject has references of its own and a region", async (t) => {
  const list = await writePair(t.testdir());
  const [sample] = (await samplesOf(t, recipe(list, pair({ count: 2 })), 1)) as [Sample];
  t.equal(sample.references?.length, 4 * 3 * 2 * side * side, "two of each");
  for (const i of [0, 1])
    t.strictSame(coloursOf(sample, i).sort(), ["200,0,0", white.join()], "the left one");
  for (const i of [2, 3])
    t.strictSame(coloursOf(sample, i).sort(), ["0,200,0", white.join()], "the right one");
  t.equal(sample.regions?.length, 2);
  near(t, sample.regions?.[0], [4 / 64, 0.5, 18 / 64, 1]);
  near(t, sample.regions?.[1], [40 / 64, 0.5, 48 / 64, 1]);
});

test("regions are grown at random, within the picture", async (t) => {
  const list = await writePair(t.testdir());
  const samples = await samplesOf(t, recipe(list, pair({ subjects: { count: 2, grow: 0.5 } })), 12);
  const lefts = samples.map(({ regions }) => regions?.[1]?.[0] ?? Number.NaN);
  t.ok(new Set(lefts).size > 6, "each sample has another");
  t.ok(lefts.every((left) => left > 40 / 64 - 0.5 && left <= 40 / 64));
  for (const { regions } of samples) {
    t.ok(regions?.flat().every((value) => value >= 0 && value <= 1));
  }
});

test("a sample whose latents are kept has the same regions", async (t) => {
  const folder = t.testdir();
  const list = await writePair(folder);
  const cache = { folder: join(folder, "latents"), variants: 1 };
  const data = recipe(list, { ...pair({ subjects: { count: 2, grow: 0.3 } }), cache });
  const samples = await samplesOf(t, data, 3);
  t.equal(new Set(samples.map(({ regions }) => JSON.stringify(regions))).size, 1, "one variant, one region");
  t.equal(new Set(samples.map(({ cachePath }) => cachePath)).size, 1);
  t.ok(samples[0]?.regions);
});

test("subjects that a clip lacks are told of", async (t) => {
  const cases: [RegExp, [string, string] | object][] = [
    [/clip: its mask .*gone does not exist; make it, or leave the clip out/, ["left", "gone"]],
    [
      /clip: it has 1 subjects in the list's column "subjects", and data\.references\.subjects\.count is 2/,
      { subjects: [{ mask: "left" }] },
    ],
    [/clip: it has 0 subjects in the list's column "subjects"/, {}],
    [/list\.jsonl: line 1 has subjects that are not as in \[\{"mask"/, { subjects: ["left", "right"] }],
    [
      /\.\.\/left leaves .*; write the path from the root/,
      { subjects: [{ mask: "../left" }, { mask: "right" }] },
    ],
  ];
  for (const [reason, given] of cases) {
    const folder = t.testdir();
    const list = await writePair(folder, Array.isArray(given) ? (given as [string, string]) : undefined);
    if (!Array.isArray(given)) writeText(list, JSON.stringify({ path: "clip", caption: "Two.", ...given }));
    await t.rejects(openData(t, recipe(list, pair())), { code: "ERR_DATASET", message: reason });
  }
});

test("a clip in whose frames a subject isn't seen is replaced", async (t) => {
  const folder = t.testdir();
  await writePair(folder);
  await paintClip(join(folder, "black.png"), [1, 2 * side, side], () => [0, 0, 0]);
  const row = (mask: string, caption: string) =>
    JSON.stringify({ path: "clip", caption, subjects: [{ mask: "left" }, { mask }] });
  const list = writeText(
    join(folder, "list.jsonl"),
    `${row("right", "Seen.")}\n${row("black.png", "Not seen.")}`,
  );
  const { data, skips } = await openData(t, recipe(list, pair()));
  const captions = (await take(data, 6)).map(({ caption }) => caption);
  t.strictSame(new Set(captions), new Set(["Seen."]));
  t.match(skips[0]?.message, /subject 2 isn't seen in the frames that were drawn/);
});

test("a region lies where its subject does after the cut", (t) => {
  const mask = (width: number, height: number, [left, top, right, bottom]: Box) => ({
    width,
    height,
    data: Uint8Array.from({ length: 3 * width * height }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return x >= left && x < right && y >= top && y < bottom ? 255 : 0;
    }),
  });
  const of = (box: Box, fit: "crop" | "pad", crop: [number, number], grow = 0) => {
    const size = { width: 16, height: 16 };
    const place = placed({ width: 64, height: 32 }, size, fit, crop);
    return regionOf([mask(64, 32, box)], place, size, [grow, grow, grow, grow]);
  };
  near(t, of([0, 0, 32, 32], "crop", [0, 0]), [0, 0, 1, 1]);
  near(t, of([16, 8, 32, 32], "crop", [0.5, 0]), [0, 0.25, 0.5, 1]);
  near(t, of([32, 0, 64, 16], "pad", [0, 0]), [0.5, 0.25, 1, 0.5]);
  near(t, of([32, 0, 64, 16], "pad", [0, 0], 0.125), [0.375, 0.125, 1, 0.625]);
  t.equal(of([0, 0, 16, 32], "crop", [1, 0]), undefined, "cut off");
  t.equal(of([0, 0, 0, 0], "crop", [0, 0]), undefined, "black");
  t.end();
});
