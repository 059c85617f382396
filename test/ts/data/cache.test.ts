// Slow: it starts data workers again and again.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "tap";
import type { Sample } from "#ts/data/index.js";
import { writeSafetensors } from "../../support/safetensors.js";
import type { Tensors } from "../../support/tensors.js";
import {
  clipFolder,
  type DataRecipe,
  digest,
  openData,
  recipe,
  reference,
  samplesOf,
  take,
  writeClip,
} from "./helpers.js";

const shape: [number, number, number, number] = [5, 4, 4, 4];
const length = 5 * 4 * 4 * 4;

function cached(folder: string, variants: number, changes: Partial<DataRecipe> = {}): DataRecipe {
  return recipe(folder, {
    cache: { folder: join(folder, ".cache"), variants },
    references: reference,
    ...changes,
  });
}

function latentsOf(value: number): Tensors {
  const tensor = (from: number) => ({ shape, data: Float32Array.from({ length }, (_, i) => from + i / 4) });
  return { log_variance: tensor(-value), mean: tensor(value) };
}

/** Does what the trainer does with samples whose latents aren't cached. */
function writeLatents(samples: Sample[]): void {
  for (const { cachePath, position } of samples) {
    if (cachePath === undefined) continue;
    mkdirSync(dirname(cachePath), { recursive: true });
    writeSafetensors(cachePath, latentsOf(position));
  }
}

test("latents come from the cache once they are in it", async (t) => {
  const folder = await clipFolder(t.testdir(), 2);
  // Whole seconds can be set again exactly.
  for (const i of [0, 1]) utimesSync(join(folder, `clip-${i}.webp`), 1e9, 1e9);
  const { data } = await openData(t, cached(folder, 1));
  const before = await take(data, 2);
  for (const { cachePath, frames, latents, references } of before) {
    t.match(cachePath, /\.cache.([0-9a-f]{2}).\1[0-9a-f]{62}\.safetensors$/);
    t.strictSame([frames?.length, references?.length, latents], [4 * 3072, 3072, undefined]);
  }
  // What is made ahead may be under way still.
  await data.close();
  writeLatents(before);
  // A clip that is only looked at, but not opened, may as well be broken.
  for (const { clip } of before) breakUnnoticed(clip);
  const { data: again } = await openData(t, cached(folder, 1));
  for (const sample of await take(again, 6)) {
    const { position } = before.find(({ clip }) => clip === sample.clip) as Sample;
    t.strictSame([sample.frames, sample.references, sample.cachePath], [undefined, undefined, undefined]);
    t.strictSame(sample.latents?.shape, shape);
    t.strictSame(sample.latents?.mean, latentsOf(position).mean?.data);
    t.strictSame(sample.latents?.logVariance, latentsOf(position).log_variance?.data);
    t.strictSame(sample.ids, before.find(({ clip }) => clip === sample.clip)?.ids);
  }
  t.equal(again.skipped, 0);
});

/** Garbage of the same size and time of change. */
function breakUnnoticed(path: string): void {
  const { atime, mtime, size } = statSync(path);
  writeFileSync(path, Buffer.alloc(size, "x"));
  utimesSync(path, atime, mtime);
}

test("random choices are drawn once for each variant", async (t) => {
  const folder = await clipFolder(t.testdir(), 2, 12);
  const samples = await samplesOf(t, cached(folder, 3, { workers: 2 }), 40);
  const byPath = new Map<string, Set<string>>();
  for (const sample of samples) {
    const contents = byPath.get(sample.cachePath ?? "") ?? new Set();
    byPath.set(sample.cachePath ?? "", contents.add(digest({ ...sample, position: 0 })));
  }
  t.equal(byPath.size, 6, "2 clips, 3 variants");
  t.ok(
    [...byPath.values()].every((contents) => contents.size === 1),
    "the same path, the same pixels",
  );
  t.ok(new Set([...byPath.values()].flatMap((contents) => [...contents])).size > 2);
});

test("another clip, mask, setting or VAE has other latents", async (t) => {
  const folder = await clipFolder(t.testdir(), 1);
  const masks = join(folder, "masks");
  await writeClip(join(masks, "clip-0", "%d.png"), 6);
  const pathOf = async (changes: Partial<DataRecipe> = {}, options = {}) =>
    (await samplesOf(t, cached(folder, 1, { masks, ...changes }), 1, options))[0]?.cachePath;
  const first = await pathOf();
  t.equal(await pathOf({ workers: 2, prefetch: 1 }), first);
  const paths = [
    first,
    await pathOf({ size: [[32, 40]] }),
    await pathOf({ frames: 3 }),
    await pathOf({ fit: "pad" }),
    await pathOf({ references: { ...reference, flip: 1 } }),
    await pathOf({ references: { ...reference, highlight: false } }),
    await pathOf({}, { cacheKey: "another" }),
    await pathOf({}, { seed: 8 }),
  ];
  const touch = (path: string) => utimesSync(path, new Date(2024, 0, 1), new Date(2024, 0, 1));
  touch(join(masks, "clip-0", "3.png"));
  paths.push(await pathOf());
  touch(join(folder, "clip-0.webp"));
  paths.push(await pathOf());
  t.equal(new Set(paths).size, 10);
});

test("latents are found again where the clips were moved to", async (t) => {
  const [before, after] = [join(t.testdir(), "before"), join(t.testdirName, "after")];
  await clipFolder(before, 1);
  const masks = (folder: string) => join(folder, "masks");
  await writeClip(join(masks(before), "clip-0", "%d.png"), 6);
  const cache = { folder: join(t.testdirName, "cache"), variants: 1 };
  const pathIn = async (folder: string) =>
    (await samplesOf(t, cached(folder, 1, { cache, masks: masks(folder) }), 1))[0]?.cachePath;
  const path = await pathIn(before);
  renameSync(before, after);
  t.equal(await pathIn(after), path);
});

test("latents that are damaged are as if they weren't there", async (t) => {
  const folder = await clipFolder(t.testdir(), 1);
  const { data } = await openData(t, cached(folder, 1));
  const [sample] = await take(data, 1);
  const path = sample?.cachePath ?? "";
  mkdirSync(dirname(path), { recursive: true });
  writeSafetensors(path, latentsOf(1));
  const good = readFileSync(path);
  t.ok((await take(data, 1))[0]?.latents, "they are read where they aren't damaged");
  const edited = (from: string, to: string) =>
    Buffer.from(good.toString("latin1").replaceAll(from, to), "latin1");
  const damaged: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    "a length alone": good.subarray(0, 8),
    "cut in the header": good.subarray(0, 60),
    "cut in the data": good.subarray(0, good.length - 1),
    "an endless header": Buffer.concat([Buffer.alloc(8, 0xff), good.subarray(8)]),
    "a header that is no JSON": edited('"dtype"', '"dtype!'),
    "another dtype": edited('"F32"', '"F16"'),
    "another shape": edited("[5,4,4,4]", "[4,5,4,4]"),
    "fewer dimensions": edited("[5,4,4,4]", "[80,4,4] "),
    "another tensor": edited("log_variance", "log_variants"),
    "offsets before the data": edited("[0,1280]", "[-4,276]"),
    "offsets that are no numbers": edited("[0,1280]", '["",""] '),
  };
  for (const [name, bytes] of Object.entries(damaged)) {
    writeFileSync(path, bytes);
    const [again] = await take(data, 1);
    t.strictSame([again?.latents, again?.cachePath], [undefined, path], name);
    t.equal(digest(again as Sample), digest(sample as Sample), "and the clip is decoded again");
  }
  rmSync(path);
  mkdirSync(path);
  t.equal((await take(data, 1))[0]?.latents, undefined, "a folder of that name");
  t.equal(data.skipped, 0);
});
