import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "tap";
import { type Entry, readEntries } from "#ts/data/sources/index.js";
import { readableClass } from "#ts/data/sources/readable_class.js";
import { byName, isNumberedPicture } from "#ts/media/names.js";
import { type DataRecipe, openData, recipe, take, writeText } from "./helpers.js";

type Tree = { [name: string]: Tree | string };

async function entriesOf(
  source: string,
  changes: Partial<DataRecipe> = {},
  kind: "image" | "motion" | "svd" = "motion",
): Promise<{ entries: Entry[]; skips: string[] }> {
  const skips: string[] = [];
  const entries = await readEntries(recipe(source, changes), kind, (_, { message }) => skips.push(message));
  return { entries, skips };
}

const named = (entries: Entry[]) => Object.fromEntries(entries.map(({ name, caption }) => [name, caption]));

test("a folder's clips have captions beside them", async (t) => {
  const folder = t.testdir({
    "b.mp4": "",
    "b.txt": "\ufeff Bees. \n",
    "a.gif": "",
    "a.txt": "Ants.",
    "notes.txt": "no clip's",
    "still.png": "",
    "still.txt": "A still.",
    ".hidden.mp4": "",
    deep: { er: { "c.webm": "", "c.txt": "Cats.", "d.MOV": "", "d.txt": "Dogs." } },
    walk: { "f-1.png": "", "f-2.png": "", "f-10.png": "" },
    "walk.txt": "A walk.",
  } satisfies Tree);
  const { entries, skips } = await entriesOf(folder);
  const captions = { "a.gif": "Ants.", "b.mp4": "Bees.", walk: "A walk." };
  t.strictSame(named(entries), { ...captions, "deep/er/c.webm": "Cats.", "deep/er/d.MOV": "Dogs." });
  t.strictSame(skips, []);
  t.strictSame(entries[0]?.paths, [join(folder, "a.gif")]);
});

test("numbered pictures are frames, but with captions of their own they are pictures", async (t) => {
  const folder = t.testdir({
    one: { "1.png": "", "2.png": "" },
    "one.txt": "One clip.",
    many: { "1.webp": "", "1.txt": "First.", "2.webp": "", "2.txt": "Second." },
    mixed: { "1.jpg": "", "cover.jpg": "", "cover.txt": "Cover." },
  } satisfies Tree);
  const motion = await entriesOf(folder);
  t.strictSame(named(motion.entries), {
    one: "One clip.",
    "many/1.webp": "First.",
    "many/2.webp": "Second.",
  });
  const image = await entriesOf(folder, { frames: 1 }, "image");
  t.strictSame(named(image.entries), { ...named(motion.entries), "mixed/cover.jpg": "Cover." });
  t.equal(image.skips.length, 1);
  t.match(image.skips[0], /mixed.1\.jpg: it has no caption; write one to .*1\.txt/);
  t.ok(isNumberedPicture("frame-0001.png") && !isNumberedPicture("a1b.png") && !isNumberedPicture("1.mp4"));
});

test("Hugging Face's metadata names clips and captions", async (t) => {
  const csv = 'file_name,text\na.mp4,"Ants, many."\nin/b.mp4,Bees\nnone.mp4,Nothing\nc.mp4,\n';
  const folder = t.testdir({ "metadata.csv": csv, "a.mp4": "", "c.mp4": "", in: { "b.mp4": "" } });
  const { entries, skips } = await entriesOf(folder);
  t.strictSame(named(entries), { "a.mp4": "Ants, many.", "in/b.mp4": "Bees" });
  t.match(skips[0], /none\.mp4: there is no such clip, but .*metadata\.csv names it on line 4/);
  t.match(skips[1], /c\.mp4: its caption is empty; write one/);
  const lines = '{"file_name": "x.mp4", "caption": "An \\u00e4."}\n\n{"file_name": "y.mp4", "caption": "Y"}';
  const json = t.testdir({
    sub: { "metadata.jsonl": lines, "x.mp4": "", "y.mp4": "" },
    "z.mp4": "",
    "z.txt": "Z",
  });
  t.strictSame(named((await entriesOf(json)).entries), {
    "z.mp4": "Z",
    "sub/x.mp4": "An ä.",
    "sub/y.mp4": "Y",
  });
});

test("folders of clips without captions are classes", async (t) => {
  const tree = {
    ApplyEyeMakeup: { "v_2.mp4": "", "v_10.mp4": "" },
    riding_a_bike: { "a.webm": "", group: { "b.gif": "" }, frames: { "1.jpg": "", "2.jpg": "" } },
    "README.txt": "About.",
  };
  const folder = t.testdir(tree satisfies Tree);
  const expected = {
    "ApplyEyeMakeup/v_2.mp4": "a video of apply eye makeup",
    "ApplyEyeMakeup/v_10.mp4": "a video of apply eye makeup",
    "riding_a_bike/a.webm": "a video of riding a bike",
    "riding_a_bike/frames": "a video of riding a bike",
    "riding_a_bike/group/b.gif": "a video of riding a bike",
  };
  const { entries } = await entriesOf(folder);
  t.strictSame(named(entries), expected);
  t.strictSame(Object.keys(named(entries)).slice(0, 2), Object.keys(expected).slice(0, 2), "2 is before 10");
  const template = { layout: "classes", caption: "{class}, filmed: {class}" } as const;
  const {
    entries: [first],
  } = await entriesOf(folder, template);
  t.equal(first?.caption, "apply eye makeup, filmed: apply eye makeup");
  const names = {
    HTMLPage: "html page",
    "Yo-Yo": "yo yo",
    "riding a bike": "riding a bike",
    Skate2Day: "skate2 day",
  };
  for (const [name, readable] of Object.entries(names)) t.equal(readableClass(name), readable);
});

test("frame folders without captions are no classes", async (t) => {
  const folder = t.testdir({ a: { "1.png": "", "2.png": "" }, b: { "1.png": "" } } satisfies Tree);
  const message = /none of its clips can be read; .*a: it has no caption; write one to .*a\.txt$/;
  await t.rejects(entriesOf(folder), { code: "ERR_DATASET", message });
});

test("lists have our own columns, WebVid's or Kinetics'", async (t) => {
  const folder = t.testdir();
  const list = async (name: string, text: string, changes: Partial<DataRecipe> = {}) =>
    entriesOf(writeText(join(folder, name), text), changes);
  const own = await list("own.csv", "\ufeffcaption,path\nAnts,a.mp4\n,b.mp4\nCats,in/c.mp4\n");
  t.strictSame(named(own.entries), { "a.mp4": "Ants", "in/c.mp4": "Cats" });
  t.match(own.skips, [/b\.mp4: it has no caption/]);
  t.strictSame(own.entries[0]?.paths, [join(folder, "a.mp4")]);
  const rows = [
    { file_name: "a.mp4", text: "Ants", mask: "a-mask.png" },
    { file_name: "b.mp4", text: "B", mask: null },
  ];
  const json = await list("own.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"));
  t.strictSame(
    json.entries.map(({ mask }) => mask),
    [join(folder, "a-mask.png"), undefined],
  );
  const root = join(folder, "root");
  const webVid =
    "videoid,contentUrl,duration,page_dir,name\n12,https://x,PT00H00M10S,001_050,Ants at work\n13,,,,Bees\n";
  const { entries: films } = await list("webvid.csv", webVid, { root });
  t.strictSame(named(films), { "001_050/12.mp4": "Ants at work", "13.mp4": "Bees" });
  const inRoot = (...names: string[]) => names.map((name) => join(root, name));
  t.strictSame(films[0]?.paths, inRoot("001_050/12.mp4", "videos/001_050/12.mp4", "12.mp4", "videos/12.mp4"));
  const kinetics = "label,youtube_id,time_start,time_end,split\nriding a bike,-x_Y,5,15,train\n";
  const {
    entries: [clip],
  } = await list("kinetics.csv", kinetics, { root });
  t.equal(clip?.caption, "a video of riding a bike");
  const file = "-x_Y_000005_000015.mp4";
  const labelled = ["riding a bike", "riding_a_bike"].flatMap((label) => [
    `${label}/${file}`,
    `${label}/-x_Y.mp4`,
  ]);
  t.strictSame(clip?.paths, inRoot(...labelled, file, "-x_Y.mp4"));
  const {
    entries: [untimed],
  } = await list("untimed.csv", "label,youtube_id\nsurfing,abc\n");
  t.strictSame(untimed?.paths, [join(folder, "surfing/abc.mp4"), join(folder, "abc.mp4")]);
});

test("lists say how much moves in each clip, for the kind that is told of it", async (t) => {
  const folder = t.testdir();
  const own =
    "path,motion_bucket\na.mp4,40\nb.mp4,\nc.mp4, 0 \nd.mp4,1023\ne.mp4,1024\nf.mp4,-1\ng.mp4,fast\nh.mp4,2.5\n";
  const list = writeText(join(folder, "own.csv"), own);
  const { entries, skips } = await entriesOf(list, {}, "svd");
  t.strictSame(Object.fromEntries(entries.map(({ name, motionBucket }) => [name, motionBucket])), {
    ...{ "a.mp4": 40, "b.mp4": undefined, "c.mp4": 0 },
    ...{ "d.mp4": 1023, "h.mp4": 2.5 },
  });
  const remedy = "mend it, or leave it empty for objective.motionBucket";
  t.strictSame(
    skips,
    ["e.mp4: its motion_bucket 1024", "f.mp4: its motion_bucket -1", "g.mp4: its motion_bucket fast"].map(
      (reason) => `${join(folder, reason)} is no number from 0 to 1023; ${remedy}`,
    ),
  );
  // A .jsonl file's first line need not have the key.
  const rows = [
    { path: "a.mp4" },
    { path: "b.mp4", motion_bucket: 7 },
    { path: "c.mp4", motion_bucket: null },
  ];
  const lines = writeText(join(folder, "own.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
  t.strictSame(
    (await entriesOf(lines, {}, "svd")).entries.map(({ motionBucket }) => motionBucket),
    [undefined, 7, undefined],
  );
  const webVid = writeText(join(folder, "webvid.csv"), "videoid,name,motion_bucket\n1,Ants,200\n");
  t.equal((await entriesOf(webVid, {}, "svd")).entries[0]?.motionBucket, 200);
  const others = await entriesOf(
    writeText(join(folder, "other.csv"), "path,caption,motion_bucket\na.mp4,A,x\n"),
  );
  t.strictSame([others.entries[0]?.motionBucket, others.skips], [undefined, []]);
});

test("only a path that the user wrote from the disk's root leaves the list's", async (t) => {
  const folder = t.testdir({ "ok.mp4": "" });
  const own = writeText(
    join(folder, "own.csv"),
    "path,caption,mask\n/elsewhere/a.mp4,A,\n../b.mp4,B,\nc.mp4,C,../m.png\nx/../ok.mp4,D,\n",
  );
  const { entries, skips } = await entriesOf(own);
  t.strictSame(named(entries), { "/elsewhere/a.mp4": "A", "ok.mp4": "D" });
  t.match(skips, [/\.\.\/b\.mp4 leaves .*; write the path from the root/, /c\.mp4: \.\.\/m\.png leaves /]);
  const kinetics = "label,youtube_id\n../..,a\nok,../../b\n/etc,c\nfine,d\n";
  const published = await entriesOf(writeText(join(folder, "kinetics.csv"), kinetics));
  t.strictSame(Object.keys(named(published.entries)), ["fine/d.mp4"]);
  t.equal(published.skips.length, 3);
});

test("links are followed, but not in circles", { skip: process.platform === "win32" }, async (t) => {
  const folder = t.testdir({ real: { "a.mp4": "", "a.txt": "A" }, data: {} });
  symlinkSync(join(folder, "real"), join(folder, "data", "link"));
  symlinkSync(join(folder, "data"), join(folder, "data", "circle"));
  symlinkSync(join(folder, "none"), join(folder, "data", "dangling.mp4"));
  const { entries } = await entriesOf(join(folder, "data"));
  t.strictSame(named(entries), { "link/a.mp4": "A" });
});

test("a folder of masks among the clips is not taken for clips", async (t) => {
  const folder = t.testdir({ "a.mp4": "", "a.txt": "A", masks: { "a.mp4": "", "a.txt": "no" } });
  const { entries } = await entriesOf(folder, { masks: join(folder, "masks") });
  t.strictSame(named(entries), { "a.mp4": "A" });
});

test("a list of 100,000 clips is read", async (t) => {
  const folder = t.testdir();
  const lines = Array.from(
    { length: 100_000 },
    (_, i) => `${i},https://x/${i},PT10S,${i % 500}_x,"Film, no. ${i}"`,
  );
  const list = join(folder, "big.csv");
  writeFileSync(list, ["videoid,contentUrl,duration,page_dir,name", ...lines].join("\n"));
  const { entries } = await entriesOf(list);
  t.equal(entries.length, 100_000);
  t.equal(entries[99_999]?.caption, "Film, no. 99999");
});

test("names are in people's order, and no two are alike", async (t) => {
  t.strictSame(["f-10.png", "f-9.png"].sort(byName), ["f-9.png", "f-10.png"]);
  t.not(byName("01", "1"), 0);
});

test("films of all containers are clips", async (t) => {
  const clips = join("test", "fixtures", "clips");
  const names = ["container.mkv", "container.mov", "vp9-420.webm", "h264-420.mp4"];
  const folder = t.testdir(Object.fromEntries(names.map((name) => [name, readFileSync(join(clips, name))])));
  for (const name of names) writeText(join(folder, `${name.split(".")[0]}.txt`), name);
  const { data, skips } = await openData(t, recipe(folder));
  const samples = await take(data, 8);
  t.strictSame(new Set(samples.map(({ clip }) => basename(clip))), new Set(names));
  t.strictSame(skips, []);
});
