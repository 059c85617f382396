import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Test, test } from "tap";
import type { CameoError } from "#ts/errors.js";
import { openVideo, readVideoSize } from "#ts/media/index.js";

const clips = join("test", "fixtures", "clips");
const films = [
  "h264-420.mp4",
  "hevc-420-10.mp4",
  "edits-two.mp4",
  "container-fragments.mp4",
  "vp9-420.webm",
  "container.mkv",
];

/** Linear congruential generator (Numerical Recipes): the same numbers on every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Reads what can be read: undefined, or a refusal, which is one clear line. */
async function refusal(t: Test, path: string): Promise<string | undefined> {
  try {
    await readVideoSize(path);
    const video = await openVideo(path);
    await video.read([0, video.count - 1]);
    return undefined;
  } catch (error) {
    const { code, message } = error as CameoError;
    t.equal(code, "ERR_MEDIA", message);
    t.ok(message.startsWith(path), message);
    t.notMatch(message, /\n|Assert|undefined|NaN/);
    return message;
  }
}

function patched(name: string, box: string, at: number, value: number): Buffer {
  const bytes = readFileSync(join(clips, name));
  bytes.writeUInt32BE(value, bytes.indexOf(box) + 4 + at);
  return bytes;
}

test("films that were cut short, and with flipped bits, are read or refused", async (t) => {
  const folder = t.testdir();
  const random = generator(11);
  let refused = 0;
  for (const name of films) {
    const whole = readFileSync(join(clips, name));
    const path = join(folder, name);
    for (const part of [0.02, 0.1, 0.3, 0.6, 0.95]) {
      writeFileSync(path, whole.subarray(0, Math.floor(part * whole.length)));
      if ((await refusal(t, path)) !== undefined) refused++;
    }
    for (let i = 0; i < 12; i++) {
      const bytes = Buffer.from(whole);
      const at = Math.floor(random() * bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(8 * random()));
      writeFileSync(path, bytes);
      if ((await refusal(t, path)) !== undefined) refused++;
    }
  }
  t.ok(refused > 15, `${refused} were refused`);
});

test("what a header of a few bytes promises is bounded", async (t) => {
  const path = join(t.testdir(), "film.mp4");
  const many = 0xfffffff0;
  const promises: [Buffer, RegExp][] = [
    [patched("h264-420.mp4", "stts", 8, many), /promises more than 4194304 frames/],
    [patched("h264-420.mp4", "ctts", 8, many), /promises more than 4194304 frames/],
    [patched("h264-420.mp4", "stsc", 12, many), /it is in pieces of 4294967280 frames; copy it: ffmpeg/],
    [patched("av1-420.mp4", "stts", 8, many), /promises more than 4194304 frames/],
    [patched("container-fragments.mp4", "trun", 4, many), /promises more than 4194304 frames/],
    [patched("pixels-2-1.mp4", "pasp", 0, many), /it is 137438952960x48|and a side can have 32768 pixels/],
    [patched("h264-420.mp4", "mvhd", 12, 0), /damaged|its header has no clock/],
  ];
  for (const [bytes, reason] of promises) {
    writeFileSync(path, bytes);
    t.match(await refusal(t, path), reason);
  }
});

test("damage in a WebM does not lead round and round", async (t) => {
  const path = join(t.testdir(), "film.webm");
  const whole = readFileSync(join(clips, "vp9-420.webm"));
  for (const from of [100, 300]) {
    for (let end = whole.length - 4; end <= whole.length; end++) {
      writeFileSync(path, Buffer.from(whole).fill(0x5a, from).subarray(0, end));
      await refusal(t, path);
    }
  }
  t.pass();
});

test("a film larger than 2 GiB is read piece by piece", async (t) => {
  const path = join(t.testdir(), "film.mp4");
  writeFileSync(path, readFileSync(join(clips, "h264-420.mp4")));
  // A box up to the end of the file, of which the disk holds nothing.
  appendFileSync(path, Buffer.from("0000000066726565", "hex"));
  truncateSync(path, 3 * 2 ** 30);
  const { maxRSS: before } = process.resourceUsage();
  const video = await openVideo(path);
  t.equal(video.count, 10);
  t.strictSame(await video.read([9]), await (await openVideo(join(clips, "h264-420.mp4"))).read([9]));
  const taken = Math.round((process.resourceUsage().maxRSS - before) / 1024);
  t.ok(taken < 512, `${taken} MiB of 3072 were held at a time`);
});

test("a file that changes under its reader, and a pipe, are refused", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "film.mp4");
  const bytes = readFileSync(join(clips, "h264-420.mp4"));
  const index = bytes.indexOf("moov") - 4;
  // So much between its frames and its index that the file is read again for the frames.
  const gap = Buffer.alloc(2 ** 20);
  gap.writeUInt32BE(gap.length);
  gap.write("free", 4);
  writeFileSync(path, Buffer.concat([bytes.subarray(0, index), gap, bytes.subarray(index)]));
  const video = await openVideo(path);
  t.equal((await video.read([3])).length, 1);
  await readVideoSize(path);
  const reopened = await openVideo(path);
  writeFileSync(path, "another");
  await t.rejects(reopened.read([0]), { code: "ERR_MEDIA", message: /it changed while it was read/ });
  if (process.platform === "win32") return;
  const pipe = join(folder, "pipe.mp4");
  execFileSync("mkfifo", [pipe]);
  const message = /pipe\.mp4 can't be read: it is not a file/;
  await t.rejects(openVideo(pipe), { code: "ERR_MEDIA", message });
  await t.rejects(readVideoSize(pipe), { code: "ERR_MEDIA", message });
});
