// Slow: it draws films in several processes.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "tap";
import {
  actionNames,
  type Clip,
  captionsOf,
  clipFromSeed,
  describedCaption,
  drawClip,
  drawReference,
  isHeldOut,
  pairFromSeed,
  splitOf,
  subjectFromSeed,
} from "../../../weights/troupe/world/index.js";
import { ClipPainter } from "../../../weights/troupe/world/picture.js";
import { until } from "../../support/processes.js";
import { openData, recipe, reference, take } from "../../ts/data/helpers.js";

const run = promisify(execFile);
const index = "./build/weights/troupe/world/index.js";
const command = "build/weights/troupe/world/draw.js";

const hashOf = (...parts: Uint8Array[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");

/** Every file below a folder, by its path, with a hash of what is in it. */
function filesOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), hashOf(readFileSync(path))]));
}

test("a seed's pixels are the same in every process", async (t) => {
  const hash = (seed: number) => {
    const { frames, masks } = drawClip(clipFromSeed(seed), { size: 64, frames: 3 });
    return hashOf(frames, masks);
  };
  const expected = [1, 2, 3, 4].map(hash);
  t.strictSame([1, 2, 3, 4].map(hash), expected, "drawn again");
  t.equal(new Set(expected).size, 4, "no two are alike");
  const script = `
    import { createHash } from "node:crypto";
    import { clipFromSeed, drawClip } from ${JSON.stringify(index)};
    for (const seed of [1, 2, 3, 4]) {
      const { frames, masks } = drawClip(clipFromSeed(seed), { size: 64, frames: 3 });
      console.log(createHash("sha256").update(frames).update(masks).digest("hex"));
    }`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script]);
  t.strictSame(stdout.trim().split("\n"), expected, "in a process of its own");
});

test("pairs are two subjects side by side in one place, and each stays in its square", (t) => {
  const size = 48;
  for (let seed = 0; seed < 6; seed++) {
    const pair = pairFromSeed(seed, "train");
    const [a, b] = pair;
    t.strictSame([b.place, b.light, b.camera], [a.place, a.light, a.camera]);
    t.not(b.subject.seed, a.subject.seed);
    t.notOk(isHeldOut(b.action, b.place));
    const painter = new ClipPainter(pair, size);
    for (const frame of [0, 15]) {
      const { rgb, masks } = painter.paint(frame);
      t.equal(rgb.length, 3 * 2 * size * size);
      for (const [place, mask] of masks.entries()) {
        const inside = mask.filter((value, i) => value > 0 && Math.floor((i % (2 * size)) / size) === place);
        const all = mask.filter((value) => value > 0).length;
        t.ok(all > 0.05 * size * size, "it is seen");
        t.ok(inside.length > 0.9 * all, `subject ${place} of seed ${seed} in frame ${frame}`);
      }
      t.notOk(masks[0]?.some((value, i) => value > 0 && (masks[1]?.[i] as number) > 0));
    }
  }
  t.end();
});

test("training never shows what is held out", async (t) => {
  const clips = Array.from({ length: 20_000 }, (_, seed) => clipFromSeed(seed, "train"));
  t.equal(clips.filter(({ subject }) => splitOf(subject) !== "train").length, 0, "subjects");
  t.equal(clips.filter(({ action, place }) => isHeldOut(action, place)).length, 0, "pairs");
  t.equal(new Set(clips.map(({ action, place }) => `${action} ${place}`)).size, 26);
  for (const action of actionNames) {
    const share = clips.filter((clip) => clip.action === action).length / clips.length;
    t.ok(share > 0.11 && share < 0.2, `${action}: ${share}`);
  }
});

test("validation and test have subjects of their own, and all pairs", async (t) => {
  for (const split of ["validation", "test"] as const) {
    const clips = Array.from({ length: 2000 }, (_, seed) => clipFromSeed(seed, split));
    t.ok(clips.every(({ subject }) => splitOf(subject) === split));
    t.equal(new Set(clips.map(({ action, place }) => `${action} ${place}`)).size, 31);
  }
});

/** Whether a pixel or one beside it is in the mask. */
function isNear(masks: Uint8Array, size: number, i: number): boolean {
  const [frame, x, y] = [Math.floor(i / size ** 2), i % size, Math.floor(i / size) % size];
  for (let v = Math.max(0, y - 1); v <= Math.min(size - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(size - 1, x + 1); u++) {
      if (masks[(frame * size + v) * size + u] === 255) return true;
    }
  }
  return false;
}

test("masks are where the subject is", async (t) => {
  for (let seed = 0; seed < 12; seed++) {
    const clip = clipFromSeed(seed);
    const size = 96;
    const recoloured: Clip = {
      ...clip,
      subject: { ...clip.subject, colour: clip.subject.colour === "pink" ? "green" : "pink" },
    };
    const [one, other] = [clip, recoloured].map((each) => drawClip(each, { size, frames: 2 }));
    if (one === undefined || other === undefined) throw new Error("nothing was drawn");
    let [outside, inside, masked] = [0, 0, 0];
    for (let i = 0; i < one.masks.length; i++) {
      const changed = [0, 1, 2].some(
        (channel) => one.frames[3 * i + channel] !== other.frames[3 * i + channel],
      );
      if (changed && !isNear(one.masks, size, i)) outside++;
      if (one.masks[i] === 255) {
        masked++;
        if (changed) inside++;
      }
    }
    t.equal(outside, 0, "another colour changes nothing outside of the mask");
    t.ok(inside / masked > 0.3, `and much within: ${inside} of ${masked}`);
    const share = masked / one.masks.length;
    t.ok(share > 0.06 && share < 0.4, `the subject takes ${share} of the frame`);
  }
});

test("a reference shows the subject alone, on white", async (t) => {
  const size = 64;
  const picture = drawReference(subjectFromSeed(3), { size });
  t.equal(picture.length, size * size * 3);
  const corners = [0, size - 1, size * (size - 1), size * size - 1];
  for (const i of corners) t.strictSame([...picture.subarray(3 * i, 3 * i + 3)], [255, 255, 255]);
  const drawn = picture.filter((_, i) => i % 3 === 0 && picture[i] !== 255).length;
  t.ok(drawn > 0.05 * size * size && drawn < 0.5 * size * size, `${drawn} pixels`);
});

test("described captions tell of what can be seen of the subject, too", async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const { caption, subject } = clipFromSeed(seed);
    const described = describedCaption(caption, subject);
    for (const trait of [subject.colour, subject.ears, subject.tail, subject.accessory]) {
      if (trait !== "none" && !described.includes(trait)) t.fail(`${described} lacks ${trait}`);
    }
    if (subject.pattern !== "plain" && !described.includes(subject.pattern)) t.fail(described);
    t.ok(described.endsWith(caption.split(" ").slice(3).join(" ")));
  }
});

test("captions say what happens in simple words, and nothing of the subject's looks", async (t) => {
  const words = new Set<string>();
  for (let seed = 0; seed < 250; seed++) {
    const clip = clipFromSeed(seed, "test");
    const all = captionsOf(clip);
    if (!all.includes(clip.caption)) t.fail(`${clip.caption} is not among its paraphrases`);
    for (const caption of all) for (const word of caption.split(/[ ,]+/)) words.add(word);
  }
  t.ok(words.size < 150, `${words.size} words`);
  t.ok([...words].every((word) => /^[a-z]+$/.test(word)));
  const looks = [
    "red",
    "blue",
    "yellow",
    "hat",
    "crown",
    "scarf",
    "glasses",
    "bird",
    "striped",
    "ears",
    "tail",
  ];
  t.strictSame(
    looks.filter((word) => words.has(word)),
    [],
  );
});

test("the trainer reads the list, and a second run completes it", async (t) => {
  const folder = t.testdir({ whole: {}, resumed: {} });
  const [whole, resumed] = [join(folder, "whole"), join(folder, "resumed")];
  const settings = ["--size", "32", "--frames", "4", "--seed", "3", "--split", "validation"];
  const draw = (to: string, ...more: string[]) => run(process.execPath, [command, to, ...settings, ...more]);
  await draw(whole, "--clips", "6", "--workers", "2");
  await draw(resumed, "--clips", "2", "--workers", "1");
  rmSync(join(resumed, "clips", "00", "000001"), { recursive: true });
  await draw(resumed, "--clips", "6", "--workers", "1");
  t.strictSame(filesOf(resumed), filesOf(whole));

  const list = join(whole, "clips.jsonl");
  const rows = readFileSync(list, "utf8").trim().split("\n");
  t.equal(rows.length, 6);
  const data = recipe(list, { references: { ...reference, count: 1, candidates: 2 }, start: "first" });
  const opened = await openData(t, data);
  const samples = await take(opened.data, 6);
  t.strictSame(opened.skips, []);
  const captions = rows.map((row) => JSON.parse(row).caption as string);
  t.strictSame(samples.map(({ caption }) => caption).sort(), captions.sort());
  const failure = await draw(whole, "--clips", "6", "--size", "64").catch(
    (error: { stderr: string }) => error,
  );
  t.match(failure.stderr, /^cameo: [^\n]* was begun with [^\n]*name another folder\n$/);
});

test("Ctrl-C leaves complete clips and their list", { skip: process.platform === "win32" }, async (t) => {
  const folder = t.testdir();
  const child = spawn(process.execPath, [command, folder, "--clips", "5000", "--size", "64"], {
    stdio: "ignore",
  });
  const clips = join(folder, "clips", "00");
  await until(() => countOf(clips) > 3);
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  t.equal(code, 130);
  const names = readdirSync(clips).sort();
  const rows = readFileSync(join(folder, "clips.jsonl"), "utf8").trim().split("\n");
  t.strictSame(
    rows.map((row) => JSON.parse(row).path),
    names.map((name) => `clips/00/${name}`),
  );
  for (const kind of ["clips", "masks"]) {
    for (const name of names) t.equal(readdirSync(join(folder, kind, "00", name)).length, 16);
  }
  const stills = readFileSync(join(folder, "stills.jsonl"), "utf8").trim().split("\n");
  t.equal(stills.length, 2 * rows.length);
  for (const still of stills) t.ok(existsSync(join(folder, JSON.parse(still).path)), still);
});

function countOf(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}
