import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { framePath, parseOutput } from "#ts/media/formats.js";
import { checkOutputPath, rescuePath } from "#ts/media/index.js";

test("takes a format from the extension", async (t) => {
  const formats = {
    "a.mp4": "mp4",
    "a.b.WEBM": "webm",
    "a.gif": "gif",
    "a.webp": "webp",
    "a.apng": "apng",
    "a.png": "png",
    "a.jpg": "jpeg",
    "a.JPEG": "jpeg",
  };
  for (const [path, format] of Object.entries(formats)) {
    t.strictSame(parseOutput(path, 1), { format, sequence: false }, path);
  }
  t.strictSame(parseOutput("50%d/a-%03d.png", 9), { format: "png", sequence: true });
  t.strictSame(parseOutput("a-%d.webp", 9), { format: "webp", sequence: true });
});

test("numbers frames from 0, in the file's name only", async (t) => {
  t.equal(framePath(join("x%d", "a-%03d.png"), 7), join("x%d", "a-007.png"));
  t.equal(framePath("a-%03d.png", 1234), "a-1234.png");
  t.equal(framePath("a-%d.png", 0), "a-0.png");
  t.equal(framePath("50%discount-%02dx.png", 3), "50%discount-03x.png");
});

test("frames that can't be written as asked go beside, under a name that fits", async (t) => {
  t.equal(rescuePath(join("%d", "out.mp4")), join("%d", "out.mp4.apng"));
  t.equal(rescuePath("50%discount-%03d.png"), "50%discount-.png.apng");
  const long = rescuePath(`${"\u{1f98a}".repeat(62)}.mp4`);
  t.equal(Buffer.byteLength(long), 255);
  t.match(long, /^\u{1f98a}{62}\.m\.apng$/u);
});

test("accepts what can be written", async (t) => {
  const folder = t.testdir({ "old.mp4": "x" });
  symlinkSync("old.mp4", join(folder, "link.mp4"));
  for (const name of ["new.mp4", "old.mp4", "link.mp4", "frame-%04d.png", "50%.gif"]) {
    t.doesNotThrow(() => checkOutputPath(join(folder, name), 16), name);
  }
  t.doesNotThrow(() => checkOutputPath(join(folder, "still.png"), 1));
  t.doesNotThrow(() => checkOutputPath("out.mp4"), "the working folder");
});

test("refuses what can't be written, and says why", async (t) => {
  const folder = t.testdir({ file: "x" });
  mkdirSync(join(folder, "folder.mp4"));
  const wrong: [string, number, RegExp][] = [
    [
      "out.avi",
      8,
      /"out.avi": .avi is not known; write .mp4, .webm, .gif, .webp or .apng, or pictures as in/,
    ],
    ["out", 8, /it has no extension; write/],
    ["", 8, /it has no extension/],
    [join(folder, "none", "out.mp4"), 8, /the folder .*none does not exist; create it first/],
    [join(folder, "file", "out.mp4"), 8, /file is not a folder/],
    [join(folder, "file", "deeper", "out.mp4"), 8, /a part of the path is not a folder|does not exist/],
    [join(folder, "folder.mp4"), 8, /it is a folder; add a file's name/],
    ["frames.png", 8, /.png holds one frame and the video has 8; use frames-%03d.png, or .apng/],
    ["frames.jpg", 8, /use frames-%03d.jpg/],
    ["a-%d-%d.png", 8, /more than one place/],
    ["a-%03d.mp4", 8, /.mp4 holds all frames in one file/],
  ];
  for (const [path, frames, message] of wrong) {
    t.throws(() => checkOutputPath(path, frames), { code: "ERR_INVALID_OPTION", message }, path);
  }
  if (process.platform !== "win32") {
    symlinkSync("/dev/null", join(folder, "null.mp4"));
    const message = /not a regular file/;
    t.throws(() => checkOutputPath(join(folder, "null.mp4")), { code: "ERR_INVALID_OPTION", message });
  }
});

test("refuses a folder that is not writable", {
  skip: !process.getuid?.() && "root may write anywhere",
}, async (t) => {
  const folder = t.testdir();
  chmodSync(folder, 0o555);
  t.teardown(() => chmodSync(folder, 0o755));
  const message = /can't be written to \(permission denied\); choose another/;
  t.throws(() => checkOutputPath(join(folder, "out.mp4")), { code: "ERR_INVALID_OPTION", message });
});
