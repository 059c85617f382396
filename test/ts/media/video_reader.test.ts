import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { test } from "tap";
import { openVideo, readImageSize, readVideo, readVideoSize, writeVideo } from "#ts/media/index.js";
import { metadata, testVideo } from "./helpers.js";

/**
 * Films of 24 frames 32x32 at 24 fps, whose luma is 20 + 8 times the frame's number:
 * ffmpeg -f lavfi -i "nullsrc=s=32x32:r=24:d=1,format=yuv420p,geq=lum='20+8*N':cb=128:cr=128" and
 * -c:v libx264 -bf 3 -b_strategy 0 -g 8 -qp 4 -x264-params open-gop=1:scenecut=0 (open-groups.mp4), or
 * -c:v libvpx -auto-alt-ref 0 -g 100 (hidden-frame.webm; then frame 1 was marked as not to be shown).
 */
const fixtures = join("test", "fixtures", "media");
const openGroups = join(fixtures, "open-groups.mp4");
const hiddenFrame = join(fixtures, "hidden-frame.webm");

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
/** A frame's number by its first pixel. */
const numberOf = (rgb: Uint8Array) => Math.round((((rgb[0] ?? 0) / 255) * 219 - 4) / 8);

test("frames are in the order of display, whatever the order of decoding", async (t) => {
  const video = await openVideo(openGroups);
  t.match(video, { count: 24, width: 32, height: 32, fps: 24 });
  t.strictSame((await video.read(range(24))).map(numberOf), range(24));
  for (const i of range(24)) t.strictSame((await video.read([i])).map(numberOf), [i]);
  t.strictSame((await video.read([20, 3, 9, 3])).map(numberOf), [20, 3, 9, 3]);
  t.strictSame(await video.read([]), []);
});

test("a frame that isn't shown is none", async (t) => {
  const video = await openVideo(hiddenFrame);
  t.equal(video.count, 23);
  const shown = range(24).filter((i) => i !== 1);
  t.strictSame((await video.read(range(23))).map(numberOf), shown);
  t.strictSame((await video.read([0, 1, 22])).map(numberOf), [0, 2, 23]);
});

test("single frames are those of the whole film", async (t) => {
  const folder = t.testdir();
  for (const name of ["out.mp4", "out.webm", "out.gif", "out.webp"]) {
    const path = join(folder, name);
    await writeVideo(path, testVideo(48, 32, 10), metadata);
    const { frames } = await readVideo(path);
    const size = 3 * 48 * 32;
    const indices = [7, 2, 9];
    const read = await (await openVideo(path)).read(indices);
    const expected = indices.map((i) => Buffer.from(frames.subarray(i * size, (i + 1) * size)));
    t.strictSame(await (await openVideo(path)).read([]), []);
    t.strictSame(
      read.map((rgb) => Buffer.from(rgb)),
      expected,
      name,
    );
  }
});

test("what lies behind the last frame that is asked for may be damaged", async (t) => {
  const path = join(t.testdir(), "a.mp4");
  await writeVideo(path, testVideo(96, 64, 24), metadata);
  const whole = await (await openVideo(path)).read([0, 1]);
  const bytes = readFileSync(path);
  const data = bytes.indexOf("mdat");
  writeFileSync(path, bytes.fill(0xff, data + Math.floor(0.6 * (bytes.length - data))));
  const video = await openVideo(path);
  t.strictSame(await video.read([0, 1]), whole);
  await t.rejects(video.read([23]), { code: "ERR_MEDIA", message: /a\.mp4 can't be read: [^\n]+$/ });
  t.strictSame(await video.read([0, 1]), whole, "and it can be read again");
});

test("sizes come from headers", async (t) => {
  const folder = t.testdir();
  for (const name of ["out.mp4", "out.webm", "out.gif", "out.webp"]) {
    const path = join(folder, name);
    await writeVideo(path, testVideo(46, 30, 3), metadata);
    t.strictSame(await readVideoSize(path), { width: 46, height: 30 }, name);
  }
  const message = /can't be read: no such file/;
  await t.rejects(readVideoSize(join(folder, "none.mp4")), { code: "ERR_MEDIA", message });
  writeFileSync(join(folder, "text.mp4"), "text");
  await t.rejects(readVideoSize(join(folder, "text.mp4")), { code: "ERR_MEDIA", message: /is no film/ });
  writeFileSync(join(folder, "cut.mp4"), readFileSync(join(folder, "out.mp4")).subarray(0, 40));
  await t.rejects(readVideoSize(join(folder, "cut.mp4")), { code: "ERR_MEDIA", message: /cut\.mp4/ });
});

test("a picture's size is that of the picture turned as its orientation says", async (t) => {
  const folder = t.testdir({ "text.png": "text" });
  const image = sharp({ create: { width: 16, height: 8, channels: 3, background: "#fff" } });
  for (const [orientation, size] of [
    [1, { width: 16, height: 8 }],
    [6, { width: 8, height: 16 }],
  ] as const) {
    const path = join(folder, `${orientation}.jpg`);
    await image.clone().withMetadata({ orientation }).toFile(path);
    t.strictSame(await readImageSize(path), size);
  }
  await t.rejects(readImageSize(join(folder, "text.png")), { code: "ERR_INVALID_IMAGE" });
});

test("reading can be aborted", async (t) => {
  const controller = new AbortController();
  const video = await openVideo(openGroups, { signal: controller.signal });
  controller.abort();
  await t.rejects(video.read([3]), { code: "ERR_ABORTED" });
  await t.rejects(openVideo(openGroups, { signal: controller.signal }), { code: "ERR_ABORTED" });
});
