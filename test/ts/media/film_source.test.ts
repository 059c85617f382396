import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { test } from "tap";
import { checkFilm, type FilmSource, openFilmSource, openVideo, writeVideo } from "#ts/media/index.js";
import { png } from "../../support/pictures.js";
import { metadata, psnr, testVideo } from "./helpers.js";

const [width, height, count] = [48, 32, 12];
const video = testVideo(width, height, count, 5);
const frameOf = (i: number) => video.frames.subarray(3 * width * height * i, 3 * width * height * (i + 1));
const pngOf = (i: number) =>
  sharp(frameOf(i), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
const pngs = await Promise.all(Array.from({ length: count }, (_, i) => pngOf(i)));

/** The same film in every form, with how close it is to the frames (in dB) and its rate. */
async function forms(folder: string): Promise<[string, FilmSource, number, number | undefined][]> {
  const frames = join(folder, "frames");
  mkdirSync(frames);
  for (const [i, bytes] of pngs.entries()) writeFileSync(join(frames, `${i}.png`), bytes);
  writeFileSync(join(frames, "notes.txt"), "no frame");
  for (const name of ["a.mp4", "a.webm", "a.gif", "a.webp"]) {
    await writeVideo(join(folder, name), video, metadata);
  }
  return [
    ["a folder", frames, Infinity, undefined],
    ["a folder's URL", pathToFileURL(frames), Infinity, undefined],
    ["files' bytes", pngs, Infinity, undefined],
    ["paths", pngs.map((_, i) => join(frames, `${i}.png`)), Infinity, undefined],
    ["pixels", { data: video.frames, frames: count, width, height }, Infinity, undefined],
    ["pixels with a rate", { data: video.frames, frames: count, width, height, fps: 5 }, Infinity, 5],
    ["a video", video, Infinity, 5],
    ["an MP4", join(folder, "a.mp4"), 25, 5],
    ["a WebM", join(folder, "a.webm"), 25, 5],
    ["a GIF", join(folder, "a.gif"), 15, 5],
    ["a WebP", join(folder, "a.webp"), 25, 5],
  ];
}

test("a film has the same frames in every form", async (t) => {
  for (const [what, source, closeness, fps] of await forms(t.testdir())) {
    const film = await openFilmSource(source, { name: "video" });
    t.match({ count: film.count, fps: film.fps }, { count, fps }, what);
    const { count: counted } = await checkFilm(source, "video");
    t.equal(counted, count, `${what}, looked at`);
    const frames = await film.decode(width, height, "cover");
    const data = Buffer.concat(frames.map((frame) => frame.data));
    t.ok(psnr(data, video.frames) >= closeness, `${what}: ${psnr(data, video.frames)} dB`);
    let seen = 0;
    t.notOk(await film.some((frame) => ++seen > 0 && frame.width !== width), `${what}, no frame is so`);
    t.equal(seen, count, `${what}, each was looked at`);
    t.ok(await film.some((frame) => frame.height === height), `${what}, frames are so`);
    const small = await film.decode(24, 24, "fill");
    t.ok(
      small.every((frame) => frame.data.length === 3 * 24 * 24),
      `${what}, at another size`,
    );
  }
});

test("a picture is a film of one frame, whatever says which", async (t) => {
  const folder = t.testdir();
  const still = join(folder, "still.webp");
  writeFileSync(still, await sharp(pngs[0]).webp({ lossless: true }).toBuffer());
  const url = `data:image/png;base64,${pngs[0]?.toString("base64")}`;
  const raw = { data: frameOf(0), width, height };
  for (const source of [still, pngs[0] as Buffer, url, raw, [raw]] as FilmSource[]) {
    const film = await openFilmSource(source, { name: "mask" });
    t.equal(film.count, 1);
    const [frame] = await film.decode(width, height, "cover");
    t.strictSame(Buffer.from(frame?.data ?? []), Buffer.from(frameOf(0)));
  }
});

test("of a large film only what is made of a frame is kept", async (t) => {
  const folder = t.testdir();
  for (const name of ["a.mp4", "a.gif"]) {
    const path = join(folder, name);
    await writeVideo(path, video, metadata);
    const reader = await openVideo(path);
    const seen: number[] = [];
    const rest = async (frame: { data: Uint8Array; width: number; height: number }) => {
      seen.push(frame.data.length);
      return { data: new Uint8Array([seen.length]), width: 1, height: 1 };
    };
    const read = await reader.read([5, 0, 5], rest);
    t.strictSame(seen, [3 * width * height, 3 * width * height], name);
    t.strictSame(
      read.map((data) => [...data]),
      [[2], [1], [2]],
      name,
    );
  }
});

test("what is no film is said with the option's name and what to do", async (t) => {
  const folder = t.testdir({ empty: {}, "text.mp4": "text", "text.png": "text" });
  const at = (name: string) => join(folder, name);
  const data = new Uint8Array(3 * 4 * 4 * 2);
  const cases: [FilmSource, string, RegExp][] = [
    [at("none.mp4"), "ERR_MEDIA", /^video ".*none\.mp4" can't be read: no such file/],
    [at("none.png"), "ERR_INVALID_IMAGE", /^video ".*none\.png": no such file; check the path$/],
    [
      "https://example.org/a.mp4?b",
      "ERR_MEDIA",
      /^video "https.*": a film is not fetched: download it, and give/,
    ],
    [
      readFileSync("test/fixtures/media/open-groups.mp4"),
      "ERR_MEDIA",
      /^video: a film is read from a file: write its/,
    ],
    [at("none"), "ERR_INVALID_IMAGE", /^video ".*none": no such file; check the path$/],
    [at("text.mp4"), "ERR_MEDIA", /^video ".*text\.mp4" is no film that can be read; give an MP4/],
    [at("text.png"), "ERR_INVALID_IMAGE", /^video ".*text\.png": it is of no known format/],
    [at("empty"), "ERR_MEDIA", /^video ".*empty" is no folder of frames: there are no pictures in it/],
    [[pngs[0] as Buffer, at("none.png")], "ERR_INVALID_IMAGE", /^video frame 2 ".*none\.png": no such file/],
    [{ data, frames: 0, width: 4, height: 4 }, "ERR_MEDIA", /^video: its frames is 0; a whole number/],
    [
      { data, frames: 3, width: 4, height: 4 },
      "ERR_MEDIA",
      /^video: its data has 96 bytes; 3 RGB frames of 4x4 need 144/,
    ],
    [
      { data: [1] as never, frames: 1, width: 1, height: 1 },
      "ERR_MEDIA",
      /^video: its data is not a Uint8Array/,
    ],
    [{ frames: data, count: 2, width: 4.5, height: 4, fps: 8 }, "ERR_MEDIA", /^video: its width is 4\.5/],
  ];
  for (const [source, code, message] of cases) {
    await t.rejects(openFilmSource(source, { name: "video" }), { code, message }, String(message));
    await t.rejects(checkFilm(source, "video"), { code, message }, String(message));
  }
});

test("reading ends with its signal", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "a.mp4");
  await writeVideo(path, video, metadata);
  const one = png({ width: 8, height: 8, bits: 8, values: [9] }, 1);
  for (const source of [path, [one, one], { data: video.frames, frames: count, width, height }]) {
    const stop = new AbortController();
    const film = await openFilmSource(source, { name: "video", signal: stop.signal });
    stop.abort();
    await t.rejects(film.decode(16, 16, "cover"), { code: "ERR_ABORTED" });
    const again = openFilmSource(source, { name: "video", signal: stop.signal });
    await t.rejects(again, { code: "ERR_ABORTED" });
  }
});
