import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import sharp from "sharp";
import { test } from "tap";
import { readImage, readVideo, readVideoMetadata, writeVideo } from "#ts/media/index.js";
import { metadata, psnr, testVideo } from "./helpers.js";

const films = ["out.mp4", "out.webm"];
const animations = ["out.gif", "out.webp", "out.apng"];
const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

test("films and animations come back in order, colour and time", async (t) => {
  const folder = t.testdir();
  const video = testVideo();
  const size = 3 * video.width * video.height;
  for (const name of ["out.mp4", "out.webm", "out.gif", "out.webp"]) {
    const path = join(folder, name);
    t.strictSame(await writeVideo(path, video, metadata), [path]);
    const back = await readVideo(path);
    const { frames, ...properties } = back;
    t.strictSame(properties, { count: 8, width: 96, height: 64, fps: 8 }, name);
    for (let i = 0; i < video.count; i++) {
      const slice = (all: Uint8Array) => all.subarray(i * size, (i + 1) * size);
      const quality = psnr(slice(frames), slice(video.frames));
      t.ok(quality > 36, `${name}, frame ${i}: ${quality.toFixed(1)} dB`);
    }
  }
  t.strictSame(readdirSync(folder), ["out.gif", "out.mp4", "out.webm", "out.webp"], "nothing else is left");
});

test("brightness is kept to a hundredth where colour is not subsampled away", async (t) => {
  const folder = t.testdir();
  const video = testVideo();
  // Grey: any wrong range or matrix shows at once, and 4:2:0 loses nothing.
  for (let i = 0; i < video.frames.length; i += 3) video.frames.fill(video.frames[i + 1] ?? 0, i, i + 3);
  for (const name of films) {
    const path = join(folder, name);
    await writeVideo(path, video, metadata);
    const quality = psnr((await readVideo(path)).frames, video.frames);
    t.ok(quality > 46, `${name}: ${quality.toFixed(1)} dB`);
  }
});

test("the rate is exact", async (t) => {
  const folder = t.testdir();
  for (const fps of [1, 7, 12, 16, 24, 30, 60]) {
    for (const name of films) {
      const path = join(folder, name);
      await writeVideo(path, testVideo(32, 32, 13, fps), metadata);
      t.equal((await readVideo(path)).fps, fps, name);
    }
  }
  for (const fps of [1.5, 12.5, 23.976]) {
    for (const name of [...films, "out.gif", "out.webp"]) {
      const path = join(folder, name);
      await writeVideo(path, testVideo(32, 32, 26, fps), metadata);
      const error = (await readVideo(path)).fps / fps - 1;
      t.ok(Math.abs(error) < (name === "out.gif" ? 0.01 : 1.1e-3), `${name} at ${fps}: off by ${error}`);
    }
  }
});

test("frames that are alike stay as many in a GIF", async (t) => {
  const path = join(t.testdir(), "out.gif");
  const frames = new Uint8Array(3 * 32 * 32 * 5).fill(90);
  await writeVideo(path, { frames, count: 5, width: 32, height: 32, fps: 10 }, metadata);
  t.equal((await readVideo(path)).count, 5);
});

test("the same frames and metadata give the same bytes", async (t) => {
  const folder = t.testdir();
  for (const name of [...films, ...animations]) {
    const [a, b] = [join(folder, `a-${name}`), join(folder, `b-${name}`)];
    await writeVideo(a, testVideo(), metadata);
    await writeVideo(b, testVideo(), metadata);
    t.equal(hash(a), hash(b), name);
  }
});

test("every format says what made it, and that it is AI-generated", async (t) => {
  const folder = t.testdir();
  for (const name of [...films, ...animations, "still.png", "still.jpg", "still.webp", "frame-%02d.png"]) {
    const count = name.startsWith("still") ? 1 : 4;
    const paths = await writeVideo(join(folder, name), testVideo(48, 32, count), metadata);
    for (const path of paths) t.strictSame(await readVideoMetadata(path), metadata, basename(path));
    const source = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
    t.ok(readFileSync(paths[0] as string).includes(`Iptc4xmpExt:DigitalSourceType="${source}"`), name);
  }
});

test("players and tools see the metadata in each format's own place", async (t) => {
  const folder = t.testdir();
  const video = testVideo(48, 32, 1);
  for (const name of ["a.png", "a.jpg", "a.webp"]) {
    const [path] = await writeVideo(join(folder, name), video, metadata);
    const { xmpAsString } = await sharp(path).metadata();
    t.match(xmpAsString, /xmp:CreatorTool="cameo 0.1.0"/, name);
  }
  const { comments = [] } = await sharp(join(folder, "a.png")).metadata();
  const texts = new Map(comments.map(({ keyword, text }) => [keyword, text]));
  t.equal(texts.get("Software"), "cameo 0.1.0");
  t.strictSame(JSON.parse(texts.get("parameters") ?? ""), metadata.parameters);
});

test("a file without the mark has no metadata", async (t) => {
  const folder = t.testdir({ "a.txt": "text", "cut.xmp": "<x:xmpmeta" });
  await sharp({ create: { width: 8, height: 8, channels: 3, background: "#fff" } }).toFile(
    join(folder, "a.png"),
  );
  for (const name of ["a.txt", "cut.xmp", "a.png"])
    t.equal(await readVideoMetadata(join(folder, name)), undefined);
  const message = /none.mp4 can't be read: no such file/;
  await t.rejects(readVideoMetadata(join(folder, "none.mp4")), { code: "ERR_MEDIA", message });
});

test("pictures hold the frames", async (t) => {
  const folder = t.testdir();
  const video = testVideo(40, 24, 11);
  const size = 3 * 40 * 24;
  const paths = await writeVideo(join(folder, "f-%03d.png"), video, metadata);
  t.strictSame(
    paths.map((path) => basename(path)),
    readdirSync(folder),
  );
  t.strictSame([basename(paths[0] as string), basename(paths[10] as string)], ["f-000.png", "f-010.png"]);
  for (const [i, path] of paths.entries()) {
    t.strictSame(
      (await readImage(path)).data,
      Buffer.from(video.frames.subarray(i * size, (i + 1) * size)),
      path,
    );
  }
  const still = { ...video, count: 1, frames: video.frames.subarray(0, size) };
  for (const name of ["a.png", "a.jpg", "a.webp"]) {
    const [path] = await writeVideo(join(folder, name), still, metadata);
    const quality = psnr((await readImage(path as string)).data, still.frames);
    t.ok(quality > 36, `${name}: ${quality.toFixed(1)} dB`);
  }
  t.equal(psnr((await readImage(join(folder, "a.png"))).data, still.frames), Number.POSITIVE_INFINITY);
});

test("an odd size grows to the next even one in a film, and stays in an animation", async (t) => {
  const folder = t.testdir();
  const video = testVideo(33, 21, 3);
  const sizes = { "out.mp4": [34, 22], "out.webm": [34, 22], "out.webp": [33, 21], "out.gif": [33, 21] };
  for (const [name, size] of Object.entries(sizes)) {
    await writeVideo(join(folder, name), video, metadata);
    const { width, height } = await readVideo(join(folder, name));
    t.strictSame([width, height], size, name);
  }
});

test("a single pixel is a film too", async (t) => {
  const folder = t.testdir();
  for (const name of films) {
    await writeVideo(join(folder, name), testVideo(1, 1, 2), metadata);
    t.equal((await readVideo(join(folder, name))).count, 2, name);
  }
});

test("one frame is a film too", async (t) => {
  const folder = t.testdir();
  for (const name of [...films, "out.gif"]) {
    await writeVideo(join(folder, name), testVideo(32, 32, 1), metadata);
    t.equal((await readVideo(join(folder, name))).count, 1, name);
  }
});

test("an abort leaves what was there, and nothing else", async (t) => {
  const folder = t.testdir();
  const names = ["f-0.png", "out.gif", "out.mp4", "out.webm"];
  for (const name of names) writeFileSync(join(folder, name), "old");
  const video = testVideo(96, 64, 24);
  for (const name of [...films, "out.gif", "f-%d.png"]) {
    const controller = new AbortController();
    const writing = writeVideo(join(folder, name), video, metadata, {
      signal: controller.signal,
    });
    for (let i = 0; i < 5; i++) await setImmediate();
    controller.abort();
    await t.rejects(writing, { code: "ERR_ABORTED", name: "AbortError" }, name);
  }
  t.strictSame(readdirSync(folder), names);
  for (const name of names) t.equal(readFileSync(join(folder, name), "utf8"), "old", name);
});

test("overwrites only where that is allowed", async (t) => {
  const folder = t.testdir({ "out.webp": "old", "f-2.png": "old" });
  const video = testVideo(16, 16, 4);
  for (const [name, existing] of Object.entries({ "out.webp": "out.webp", "f-%d.png": "f-2.png" })) {
    const writing = writeVideo(join(folder, name), video, metadata, { overwrite: false });
    await t.rejects(writing, {
      code: "ERR_INVALID_OPTION",
      message: new RegExp(`${existing} exists already`),
    });
  }
  await writeVideo(join(folder, "out.webp"), video, metadata);
  t.equal((await readVideo(join(folder, "out.webp"))).count, 4);
});

test("says what is wrong with the video or the folder", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "out.mp4");
  const video = testVideo(16, 16, 2);
  const wrong: [Partial<typeof video>, RegExp][] = [
    [{ count: 3 }, /3 RGB frames of 16x16 are 2304 bytes, not 1536/],
    [{ width: 0 }, /width 0: a whole number from 1/],
    [{ height: 1.5 }, /height 1.5/],
    [{ fps: 0 }, /fps 0: 1 to 1000/],
    [{ fps: Number.NaN }, /fps NaN/],
  ];
  for (const [change, message] of wrong) {
    await t.rejects(writeVideo(path, { ...video, ...change }, metadata), {
      code: "ERR_INVALID_OPTION",
      message,
    });
  }
  const elsewhere = writeVideo(join(folder, "none", "out.png"), testVideo(16, 16, 1), metadata);
  await t.rejects(elsewhere, {
    code: "ERR_MEDIA",
    message: /none.out.png can't be written: the folder .*none does not exist/,
  });
  t.strictSame(readdirSync(folder), []);
});

test("what a format can't hold is a typed error", async (t) => {
  const folder = t.testdir();
  const frames = new Uint8Array(3 * 16400 * 2 * 2);
  const wide = { frames, count: 2, width: 16400, height: 2, fps: 8 };
  const message = /2 frames of 16400x2 can't be written as \w+: [^\n]+; try another format/;
  for (const name of ["out.webp", ...films]) {
    await t.rejects(writeVideo(join(folder, name), wide, metadata), { code: "ERR_MEDIA", message }, name);
  }
  t.strictSame(readdirSync(folder), []);
});

test("what is no film is a typed error", async (t) => {
  const film = join(t.testdir(), "good.mp4");
  await writeVideo(film, testVideo(32, 32, 4), metadata);
  const bytes = readFileSync(film);
  const folder = t.testdir({
    "text.mp4": "text",
    "empty.mp4": "",
    "cut.mp4": bytes.subarray(0, 60),
    "noise.webm": Buffer.from("1a45dfa3ffffffffffff", "hex"),
    "cut.gif": "GIF89a",
  });
  for (const name of [...readdirSync(folder), "none.mp4"]) {
    await t.rejects(readVideo(join(folder, name)), { code: "ERR_MEDIA", message: new RegExp(name) }, name);
  }
});
