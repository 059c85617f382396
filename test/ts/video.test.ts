import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { type CompleteSampleRequest, Video, type VideoParts } from "cameo";
import sharp from "sharp";
import { test } from "tap";
import { readVideo, readVideoMetadata } from "#ts/media/index.js";
import { completeRequest } from "#ts/options/sample.js";
import { description } from "../support/description.js";

const reference = ["pictures/me.png", Buffer.from("x"), { data: new Uint8Array(3), width: 1, height: 1 }];
const size = { width: 16, height: 8 };

function videoOf(frames: number, changes: Partial<CompleteSampleRequest> = {}): Video {
  const request = completeRequest(
    { prompt: "a", reference, frames, ...size, seed: 3, ...changes },
    description,
  );
  const pixels = new Uint8Array(3 * frames * size.width * size.height).map((_, i) => (i * 7) % 256);
  return Video.from({ frames: pixels, request, warnings: ["w"] });
}

/** What a promise rejects with; the test fails where it doesn't. */
async function reasonOf(promise: Promise<unknown>): Promise<{ name: string; code: string; message: string }> {
  return promise.then(
    () => ({ name: "", code: "", message: "it resolved" }),
    (error) => error,
  );
}

test("a video is rebuilt from its frames and request", async (t) => {
  const video = videoOf(2);
  t.match(video, { count: 2, width: 16, height: 8, fps: 8, warnings: ["w"] });
  const clone = structuredClone(video);
  t.notOk(clone instanceof Video);
  const again = Video.from(clone);
  t.strictSame({ ...again }, { ...clone });
  const path = join(t.testdir(), "out.webp");
  await again.save(path);
  t.match((await readVideoMetadata(path))?.parameters, { seed: 3, reference: ["me.png", "data", "pixels"] });
});

test("a video goes through JSON without its frames, and without the maker's folders", (t) => {
  const video = videoOf(2);
  const json = JSON.parse(JSON.stringify(video));
  t.strictSame(Object.keys(json), ["count", "width", "height", "fps", "request", "warnings"]);
  t.strictSame(json.request.reference, ["me.png", "data", "pixels"]);
  t.strictSame(JSON.parse(JSON.stringify(Video.from({ ...json, frames: video.frames }))), json);
  t.end();
});

test("so do pictures within options: of subjects, controls and keyframes", (t) => {
  const { frames, request } = videoOf(2);
  const pixels = { data: new Uint8Array(3), width: 1, height: 1 };
  const box = { x: 0, y: 0, width: 0.5, height: 1 };
  const strength = { scale: 1, from: 0, to: 1, levels: [1] };
  const given = {
    subjects: [
      {
        reference: ["/home/me/a.png", Buffer.from("x")],
        region: "/home/me/mask.mp4",
        words: "a cat",
        strength,
      },
      { reference: [pixels], region: box, strength },
      { reference: ["b.png"], region: ["/home/me/1.png", pixels], strength },
    ],
    controls: [{ frames: "/home/me/depth", scale: 0.5 }],
    keyframes: { 1: "/home/me/last.png" },
  };
  const whole = Video.from({ frames, request: { ...request, ...given } as CompleteSampleRequest });
  const json = JSON.parse(JSON.stringify(whole));
  t.match(json.request, {
    subjects: [
      { reference: ["a.png", "data"], region: "mask.mp4", words: "a cat", strength },
      { reference: ["pixels"], region: box },
      { reference: ["b.png"], region: ["1.png", "pixels"] },
    ],
    controls: [{ frames: "depth", scale: 0.5 }],
    keyframes: { 1: "last.png" },
  });
  t.notMatch(JSON.stringify(json), "/home/me");
  t.strictSame(JSON.parse(JSON.stringify(Video.from({ ...json, frames }))), json);
  t.end();
});

test("a video's frames have a buffer of their own, which can be transferred", (t) => {
  const large = new Uint8Array(1000).fill(1);
  const { request } = videoOf(1);
  const video = Video.from({ frames: large.subarray(100, 100 + 3 * 16 * 8), request });
  t.equal(video.frames.buffer.byteLength, 3 * 16 * 8);
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(video, [video.frames.buffer]);
  t.equal(video.frames.length, 0, "moved, not copied");
  t.equal(large.length, 1000);
  t.equal(Video.from(receiveMessageOnPort(port2)?.message).frames.length, 3 * 16 * 8);
  port1.close();
  t.end();
});

test("a video whose frames were moved says where to save it", async (t) => {
  const video = videoOf(1);
  const moved = structuredClone(video, { transfer: [video.frames.buffer] });
  const path = join(t.testdir(), "x.png");
  await t.rejects(video.save(path), { code: "ERR_MEDIA", message: /transferred to another thread: save / });
  t.strictSame(await Video.from(moved).save(path), [path]);
});

test("from another thread, with the reference's URL", async (t) => {
  const code = `
    const { parentPort } = require("node:worker_threads");
    parentPort.once("message", (video) => parentPort.postMessage(video, [video.frames.buffer]));`;
  const worker = new Worker(code, { eval: true });
  const video = videoOf(1, { reference: [new URL("https://example.org/a/b.png?c")] });
  worker.postMessage(video);
  const [back] = await once(worker, "message");
  await worker.terminate();
  const again = Video.from(back);
  t.strictSame(again.request.reference, ["https://example.org/a/b.png?c"]);
  t.strictSame(again.toJSON().request.reference, ["b.png"]);
});

test("says what is missing for a video", (t) => {
  const { frames, request } = videoOf(1);
  const { fps, ...without } = request;
  t.equal(fps, 8);
  const wrong: [unknown, string, RegExp][] = [
    [null, "ERR_INVALID_OPTION", /^the options must be an object, not null$/],
    [undefined, "ERR_INVALID_OPTION", /^the options must be an object, not undefined$/],
    [{ request }, "ERR_INVALID_OPTION", /^frames is missing; it must be a Uint8Array$/],
    [
      { frames: [1, 2], request },
      "ERR_INVALID_OPTION",
      /^frames: \[ 1, 2 \] is not allowed; it must be a Uint8Array$/,
    ],
    [{ frames }, "ERR_INVALID_OPTION", /^request is missing/],
    [{ frames, request: null }, "ERR_INVALID_OPTION", /^request: null is not allowed/],
    [{ frames, request: { ...request, steps: 0 } }, "ERR_INVALID_OPTION", /^steps: 0 is not allowed/],
    [{ frames, request: without }, "ERR_INVALID_OPTION", /^request.fps is missing/],
    [{ frames, request: { ...request, frames: 2 } }, "ERR_MEDIA", /^384 bytes are not 2 frames of 16x8$/],
    [{ frames, request, warnings: 1 }, "ERR_INVALID_OPTION", /^warnings: 1 is not allowed/],
  ];
  for (const [parts, code, message] of wrong) {
    t.throws(() => Video.from(parts as VideoParts), { name: "CameoError", code, message });
  }
  t.end();
});

test("what can't be saved is an error that says what to do", async (t) => {
  const folder = t.testdir();
  const video = videoOf(2);
  const at = (name: string) => join(folder, name);
  const wrong: [unknown, unknown, RegExp][] = [
    [undefined, undefined, /^path is missing; it must be a path as a text, as in "out.mp4"$/],
    [null, undefined, /^path: null is not allowed/],
    [
      new URL("file:///tmp/out.mp4"),
      undefined,
      /^path: URL \{.* is not allowed; it must be a path as a text/,
    ],
    [Buffer.from("out.mp4"), undefined, /^path: <Buffer .* is not allowed/],
    ["file:///tmp/out.mp4", undefined, /^output "file:\/\/\/tmp\/out.mp4": it is a URL; give a path$/],
    [at("a\0b.webp"), undefined, /: it has a NUL character in it; leave it out$/],
    [at("none/x.mp4"), undefined, /: the folder .*none does not exist; create it first$/],
    [at("x"), undefined, /it has no extension; write .mp4, .webm, .gif, .webp or .apng, or pictures as in/],
    [at(`${"\u732b".repeat(84)}.webp`), undefined, /: its name has 257 bytes and may have 255; shorten it$/],
    [at("x.webp"), null, /^the options must be an object, not null$/],
    [at("x.webp"), { sginal: undefined }, /^sginal is not an option; did you mean signal\?$/],
    [at("x.webp"), { signal: {} }, /^signal: \{\} is not allowed; it must be an AbortSignal$/],
    [at(`${"x".repeat(20_000)}.webp`), undefined, /its name has 20005 bytes/],
  ];
  for (const [path, options, message] of wrong) {
    const error = await reasonOf(video.save(path as string, options as object));
    t.match(error, { name: "CameoError", code: "ERR_INVALID_OPTION", message });
    t.ok(error.message.length < 500, `${error.message.length} characters`);
  }
  t.strictSame(readdirSync(folder), []);
  await t.rejects(Video.checkOutput(at("none/x.mp4"), 2), { code: "ERR_INVALID_OPTION" });
  await t.rejects(Video.checkOutput(at("x.png"), 2), {
    code: "ERR_INVALID_OPTION",
    message: /holds one frame/,
  });
  await t.resolves(Video.checkOutput(at("x.png"), 1));
});

test("names may have all the bytes that file systems take", async (t) => {
  const folder = t.testdir();
  const name = "\u732b".repeat(79);
  for (const file of [`${name}.webp`, `${"x".repeat(250)}.webp`, `${"\u{1f98a}".repeat(62)}-%d.png`]) {
    const paths = await videoOf(2).save(join(folder, file));
    t.ok(paths.every(existsSync), file);
  }
  await t.rejects(videoOf(11).save(join(folder, `${"\u{1f98a}".repeat(62)}a-%d.png`)), {
    message: /its name has 256 bytes/,
  });
});

test("a percent sign in a name stays", async (t) => {
  const folder = t.testdir();
  for (const name of ["50%discount.png", "50%discount.webp", "100%.png", "100%déjà.gif"]) {
    t.strictSame(await videoOf(1).save(join(folder, name)), [join(folder, name)]);
  }
  t.strictSame(await videoOf(2).save(join(folder, "50%discount-%d.png")), [
    join(folder, "50%discount-0.png"),
    join(folder, "50%discount-1.png"),
  ]);
});

test("a rate that browsers don't play is lowered, with a warning", async (t) => {
  const folder = t.testdir();
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  for (const [format, fps, played] of [
    ["gif", 120, 50],
    ["gif", 51, 50],
    ["webp", 120, 90],
    ["apng", 120, 90],
    ["gif", 50, 50],
    ["webp", 90, 90],
    ["apng", 60, 60],
  ] as const) {
    const path = join(folder, `out.${format}`);
    warnings.length = 0;
    await videoOf(6, { fps }).save(path, { onWarning });
    const slowed = fps > played;
    const message = new RegExp(
      `^browsers play at most ${played} frames a second of a .${format}: .* than at ${fps};`,
    );
    t.match(warnings, slowed ? [message] : []);
    t.equal(warnings.length, slowed ? 1 : 0);
    if (format === "apng") continue;
    const { delay = [] } = await sharp(path, { pages: -1 }).metadata();
    t.ok(Math.min(...delay) >= (format === "gif" ? 20 : 11), `${delay}`);
    if (slowed) t.ok(Math.abs((await readVideo(path)).fps / played - 1) < 0.02);
  }
  await videoOf(1, { fps: 120 }).save(join(folder, "still.webp"), { onWarning });
  t.strictSame(warnings, [], "of a still there is none");
  const warned = once(process, "warning");
  await videoOf(2, { fps: 120 }).save(join(folder, "out.gif"));
  t.match(await warned, [{ name: "CameoWarning", message: /^browsers play at most 50/ }]);
});
