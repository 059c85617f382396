// Slow: it reads damaged films of every kind.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Test, test } from "tap";
import {
  clipFolder,
  type DataRecipe,
  openData,
  recipe,
  reference,
  take,
  writeClip,
  writeText,
} from "./helpers.js";

interface Broken {
  name: string;
  /** Breaks a folder of two good clips, clip-0.webp and clip-1.webp; the source, where it isn't the folder. */
  break: (folder: string) => Promise<unknown>;
  source?: string;
  changes?: Partial<DataRecipe>;
  reason: RegExp;
}

const withMasks = (folder: string) => ({ masks: join(folder, "masks"), references: reference });
const film = async (folder: string, name: string) => readFileSync(await writeClip(join(folder, name), 20));
const caption = (folder: string, text: string | Uint8Array = "Broken.") =>
  writeText(join(folder, "broken.txt"), text);

/** Data sets with one clip that can't be used: it is left out, once, and the others are used. */
const skipped: Broken[] = [
  {
    name: "a list's file is missing",
    source: "list.csv",
    break: async (folder) =>
      writeText(join(folder, "list.csv"), "path,caption\nclip-0.webp,A\nbroken.mp4,B\n"),
    reason: /broken\.mp4: there is no such file; check data\.root/,
  },
  {
    name: "a clip of no bytes",
    break: async (folder) => [writeText(join(folder, "broken.mp4"), ""), caption(folder)],
    reason: /broken\.mp4 is empty$/,
  },
  {
    name: "garbage by the name of a film",
    break: async (folder) => [writeText(join(folder, "broken.mp4"), "no film ".repeat(99)), caption(folder)],
    reason: /broken\.mp4 is no film that can be read; give an MP4, WebM, GIF or WebP/,
  },
  {
    name: "garbage behind a film's first bytes",
    break: async (folder) => {
      const bytes = await film(folder, "broken.webm");
      writeText(join(folder, "broken.webm"), bytes.fill(0x5a, 100));
      caption(folder);
    },
    reason: /broken\.webm can't be read: \S/,
  },
  {
    name: "a film cut short",
    break: async (folder) => {
      writeText(join(folder, "broken.mp4"), (await film(folder, "broken.mp4")).subarray(0, 600));
      caption(folder);
    },
    reason: /broken\.mp4 can't be read: \S/,
  },
  {
    name: "a GIF cut short",
    break: async (folder) => {
      const bytes = await film(folder, "broken.gif");
      writeText(join(folder, "broken.gif"), bytes.subarray(0, 40));
      caption(folder);
    },
    reason: /broken\.gif can't be read: \S/,
  },
  {
    name: "an empty caption",
    break: async (folder) => [await writeClip(join(folder, "broken.webp"), 6), caption(folder, " \n")],
    reason: /broken\.webp: its caption is empty; write one/,
  },
  {
    name: "no caption",
    break: (folder) => writeClip(join(folder, "broken.webp"), 6),
    reason: /broken\.webp: it has no caption; write one to .*broken\.txt/,
  },
  {
    name: "a caption that is not UTF-8",
    break: async (folder) => {
      await writeClip(join(folder, "broken.webp"), 6);
      caption(folder, Uint8Array.from([0x41, 0xff, 0xfe, 0x42]));
    },
    reason: /broken\.webp: its caption .*broken\.txt can't be read: it is not UTF-8; save it as UTF-8/,
  },
  {
    name: "a clip shorter than the frames",
    break: async (folder) => [await writeClip(join(folder, "broken.gif"), 3), caption(folder)],
    reason: /broken\.gif: it has 3 frames, and 4 are needed/,
  },
  {
    name: "a frame of another size",
    break: async (folder) => {
      await writeClip(join(folder, "broken", "%d.png"), 6);
      await writeClip(join(folder, "other", "%d.png"), 6, 40, 32);
      for (const i of [1, 3, 5]) {
        writeText(join(folder, "broken", `${i}.png`), readFileSync(join(folder, "other", `${i}.png`)));
      }
      rmSync(join(folder, "other"), { recursive: true });
      caption(folder);
    },
    reason: /broken.\d\.png is 40x32, and the first frame 48x32/,
  },
  {
    name: "a picture that is none",
    break: async (folder) => [writeText(join(folder, "broken", "1.png"), "no picture"), caption(folder)],
    reason: /1\.png": it is of no known format; /,
  },
  {
    name: "a mask of another size",
    break: async (folder) => {
      for (const i of [0, 1]) await writeClip(join(folder, "masks", `clip-${i}.webp`), 6);
      await writeClip(join(folder, "broken.webp"), 6);
      await writeClip(join(folder, "masks", "broken.webp"), 6, 40, 24);
      caption(folder);
    },
    reason: /broken\.webp: its mask .*broken\.webp is 40x24, and the clip 48x32; make it of the clip's size/,
  },
  {
    name: "a mask of another length",
    break: async (folder) => {
      for (const i of [0, 1]) await writeClip(join(folder, "masks", `clip-${i}`, "%d.png"), 6);
      await writeClip(join(folder, "broken.webp"), 6);
      await writeClip(join(folder, "masks", "broken", "%d.png"), 5);
      caption(folder);
    },
    reason:
      /broken\.webp: its mask .*broken has 5 frames, and the clip 6; give one for each frame, or a single/,
  },
  {
    name: "no mask",
    break: async (folder) => {
      for (const i of [0, 1]) await writeClip(join(folder, "masks", `clip-${i}.webp`), 6);
      await writeClip(join(folder, "broken.webp"), 6);
      caption(folder);
    },
    reason: /broken\.webp: it has no mask in .*masks; make one of the clip's name/,
  },
  {
    name: "no mask, and a clip that is broken",
    break: async (folder) => {
      for (const i of [0, 1]) await writeClip(join(folder, "masks", `clip-${i}.webp`), 6);
      writeText(join(folder, "broken.mp4"), "no film ".repeat(99));
      caption(folder);
    },
    reason: /broken\.mp4 is no film that can be read/,
  },
  {
    name: "a film of a format that is not read",
    break: async (folder) => [writeText(join(folder, "broken.avi"), "RIFF"), caption(folder)],
    reason: /broken\.avi: \.avi isn't read; convert it: ffmpeg -i "broken\.avi" -crf 18 "broken\.mp4"/,
  },
  {
    name: "a mask that is no picture",
    break: async (folder) => {
      for (const i of [0, 1]) await writeClip(join(folder, "masks", `clip-${i}.webp`), 6);
      await writeClip(join(folder, "broken.webp"), 6);
      writeText(join(folder, "masks", "broken.png"), "text");
      caption(folder);
    },
    reason: /broken\.png": it is of no known format; /,
  },
  {
    name: "a mask that a list names and is not there",
    source: "list.jsonl",
    changes: { references: reference },
    break: async (folder) => {
      const rows = [
        { path: "clip-0.webp", caption: "A" },
        { path: "clip-1.webp", caption: "B", mask: "none.png" },
      ];
      writeText(join(folder, "list.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
    },
    reason: /clip-1\.webp: its mask .*none\.png does not exist; make it/,
  },
];

test("a clip that can't be used is left out, once", async (t) => {
  const good = await clipFolder(t.testdir(), 2);
  const files = Object.fromEntries(
    [0, 1]
      .flatMap((i) => [`clip-${i}.webp`, `clip-${i}.txt`])
      .map((name) => [name, readFileSync(join(good, name))]),
  );
  for (const broken of skipped) {
    await t.test(broken.name, async (t) => {
      const folder = t.testdir(files);
      await broken.break(folder);
      const masks = broken.name.includes("mask") && broken.source === undefined ? withMasks(folder) : {};
      const changes = { ...masks, ...broken.changes };
      const { data, skips } = await openData(t, recipe(join(folder, broken.source ?? ""), changes));
      const samples = await take(data, 12);
      t.strictSame(
        samples.map(({ position }) => position),
        Array.from({ length: 12 }, (_, i) => i),
      );
      t.ok(samples.every(({ clip }) => /clip-\d\.webp$/.test(clip)));
      t.equal(skips.length, 1, JSON.stringify(skips));
      t.equal(data.skipped, 1);
      t.equal(skips[0]?.code, "ERR_DATASET");
      t.match(skips[0]?.message, broken.reason);
      t.notMatch(skips[0]?.message, /\n/, "one line");
    });
  }
});

test("clips without masks are counted when the data is opened", async (t) => {
  const folder = await clipFolder(t.testdir(), 12);
  for (let i = 0; i < 5; i++) await writeClip(join(folder, "masks", `clip-${i}.webp`), 6);
  writeText(join(folder, "holiday.avi"), "RIFF");
  const { data, skips } = await openData(t, recipe(folder, withMasks(folder)));
  t.equal(data.skipped, 8);
  const clips = Array.from({ length: 7 }, (_, i) => join(folder, `clip-${i + 5}.webp`));
  t.strictSame(new Set(skips.map(({ clip }) => clip)), new Set([join(folder, "holiday.avi"), ...clips]));
});

/** Data sets that can't be opened. */
const refused: Omit<Broken, "changes">[] = [
  {
    name: "a source that does not exist",
    source: "none.csv",
    break: async () => {},
    reason: /none\.csv: no such file; check the path/,
  },
  {
    name: "an empty folder",
    source: "empty",
    break: async (folder) => mkdirSync(join(folder, "empty")),
    reason: /empty: there are no clips in it; give a folder of clips, or a list of them/,
  },
  {
    name: "a folder without anything that is a clip",
    source: "texts",
    break: async (folder) => writeText(join(folder, "texts", "a.txt"), "A"),
    reason: /texts: there are no clips in it/,
  },
  {
    name: "a folder of clips without captions",
    source: "silent",
    break: (folder) => Promise.all([0, 1].map((i) => writeClip(join(folder, "silent", `${i}.webp`), 5))),
    reason: /silent: none of its clips can be read; .*0\.webp: it has no caption/,
  },
  {
    name: "a list of other columns",
    source: "list.csv",
    break: async (folder) => writeText(join(folder, "list.csv"), "video,label\na.mp4,A\n"),
    reason:
      /list\.csv: it has the columns video, label; what can be read is path \(or file_name\) and caption/,
  },
  {
    name: "a list that is empty",
    source: "list.csv",
    break: async (folder) => writeText(join(folder, "list.csv"), ""),
    reason: /list\.csv: it is empty; give a list with at least one clip/,
  },
  {
    name: "a list with no rows",
    source: "list.csv",
    break: async (folder) => writeText(join(folder, "list.csv"), "path,caption\n"),
    reason: /list\.csv: there are no clips in it/,
  },
  {
    name: "a malformed line of JSON",
    source: "list.jsonl",
    break: async (folder) =>
      writeText(join(folder, "list.jsonl"), '{"path": "a.mp4", "caption": "A"}\n\n{"path": "b.mp4",\n'),
    reason: /list\.jsonl: line 3 is not JSON; mend or remove it/,
  },
  {
    name: "a line of JSON that is no object",
    source: "list.jsonl",
    break: async (folder) => writeText(join(folder, "list.jsonl"), '["a.mp4", "A"]\n'),
    reason: /list\.jsonl: line 1 is not an object such as/,
  },
  {
    name: "a line of CSV with too many cells",
    source: "list.csv",
    break: async (folder) => writeText(join(folder, "list.csv"), "path,caption\na.mp4,A\nb.mp4,B,C\n"),
    reason: /list\.csv: line 3 is malformed \(Invalid Record Length: [^\n]*\); mend or remove it/,
  },
  {
    name: "a line without a path",
    source: "list.csv",
    break: async (folder) => writeText(join(folder, "list.csv"), "path,caption\na.mp4,A\n,B\n"),
    reason: /list\.csv: line 3 has no path; mend or remove it/,
  },
  {
    name: "a time that is none",
    source: "list.csv",
    break: async (folder) =>
      writeText(join(folder, "list.csv"), "label,youtube_id,time_start,time_end\nrun,abc,soon,later\n"),
    reason: /list\.csv: line 2 has the time_start soon, which is no time in seconds/,
  },
  {
    name: "a list that is not UTF-8",
    source: "list.csv",
    break: async (folder) => writeText(join(folder, "list.csv"), Uint8Array.from([0x70, 0xff, 0x2c])),
    reason: /list\.csv: it can't be read: it is not UTF-8; save it as UTF-8/,
  },
  {
    name: "a list of another kind",
    source: "list.xlsx",
    break: async (folder) => writeText(join(folder, "list.xlsx"), "x"),
    reason: /list\.xlsx: it is neither a folder nor a \.csv or \.jsonl file/,
  },
  {
    name: "metadata of other columns",
    source: "hf",
    break: async (folder) => [
      writeText(join(folder, "hf", "metadata.csv"), "image,label\na,b\n"),
      await writeClip(join(folder, "hf", "a.webp"), 5),
    ],
    reason: /metadata\.csv: it has the columns image, label; file_name and text are needed/,
  },
];

test("what can't be opened says why", async (t) => {
  for (const broken of refused) {
    await t.test(broken.name, async (t) => {
      const folder = t.testdir();
      await broken.break(folder);
      const error = await failureOf(t, recipe(join(folder, broken.source ?? "")));
      t.match(error, { code: "ERR_DATASET", message: broken.reason });
      t.notMatch(error.message, /\n/, "one line");
    });
  }
});

test("the layout must be what the source is", async (t) => {
  const folder = t.testdir({ "list.csv": "path,caption\na.mp4,A\n" });
  const asList = await failureOf(t, recipe(folder, { layout: "list" }));
  t.match(asList.message, /it is a folder, and layout "list" needs a file/);
  const asFolder = await failureOf(t, recipe(join(folder, "list.csv"), { layout: "folder" }));
  t.match(asFolder.message, /it is a file, and layout "folder" needs a folder/);
});

test("where no clip can be read, the first one's reason is the error", async (t) => {
  const rows = Array.from({ length: 40 }, (_, i) => `${i}.mp4,Number ${i}`);
  const folder = t.testdir({ "list.csv": `path,caption\n${rows.join("\n")}\n` });
  for (const size of [
    [[32, 32]],
    [
      [32, 32],
      [48, 32],
    ],
  ] as DataRecipe["size"][]) {
    const error = await failureOf(t, recipe(join(folder, "list.csv"), { size, workers: 2 }));
    const message = /list\.csv: none of its clips can be read; .*\d\.mp4: there is no such file/;
    t.match(error, { code: "ERR_DATASET", message });
  }
});

/** What opening a data set, or its first sample, fails with. */
async function failureOf(t: Test, data: DataRecipe): Promise<Error> {
  try {
    await take((await openData(t, data)).data, 1);
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was opened");
}
