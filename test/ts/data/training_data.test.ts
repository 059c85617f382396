// Slow: it decodes films, in processes.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { type Test, test } from "tap";
import { type Sample, TrainingData } from "#ts/data/index.js";
import { bareNode } from "../../support/environment.js";
import {
  clipFolder,
  type DataRecipe,
  digest,
  openData,
  paintClip,
  recipe,
  reference,
  samplesOf,
  take,
  tokenizer,
  writeClip,
  writeText,
} from "./helpers.js";

const run = promisify(execFile);

/** Everything random at once, on clips of several kinds and shapes, some of which can't be read. */
async function mixed(folder: string): Promise<DataRecipe> {
  const names = ["a.mp4", "b.webm", "c.gif", "d.webp", join("e", "%d.png"), "f.mp4", "g.webp"];
  for (const [i, name] of names.entries()) {
    const clip = join(folder, name);
    await writeClip(clip, 5 + 2 * i, ...((i % 2 === 0 ? [48, 32] : [32, 48]) as [number, number]));
    writeText(join(folder, `${name[0]}.txt`), `Clip ${name[0]}.`);
  }
  for (const name of ["x.mp4", "y.gif"]) {
    writeText(join(folder, name), "broken");
    writeText(join(folder, `${name[0]}.txt`), "Broken.");
  }
  await cutShort(join(folder, "f.mp4"));
  const affine = { degrees: 20, translate: 0.1, scale: [0.8, 1.2] as [number, number] };
  return recipe(folder, { stride: 2, references: { ...reference, count: 2, flip: 0.5, affine } });
}

/** Damages the last part of a film, so that only what is drawn there can't be decoded. */
async function cutShort(path: string): Promise<void> {
  const bytes = readFileSync(path);
  const data = bytes.indexOf("mdat");
  writeFileSync(path, bytes.fill(0xff, data + 4 + Math.floor((bytes.length - data) * 0.5)));
}

test("samples do not depend on workers, on prefetching, or on what was read before", async (t) => {
  const folder = t.testdir();
  const all = await mixed(folder);
  for (const size of [
    [[32, 32]],
    [
      [32, 16],
      [16, 32],
    ],
  ] as DataRecipe["size"][]) {
    const data = { ...all, size };
    const expected = (await samplesOf(t, data, 20, { batch: 2 })).map(digest);
    t.equal(new Set(expected.map((line) => line.split(" ").at(-1))).size, 40, "no two are alike");
    const again = { ...data, workers: 3, prefetch: 9 };
    t.strictSame((await samplesOf(t, again, 20, { batch: 2 })).map(digest), expected);
    const { data: resumed } = await openData(t, { ...data, workers: 2 }, { batch: 2 });
    for (const first of [17, 3, 11]) {
      const samples = await take(resumed, 2, first);
      t.strictSame(samples.map(digest), expected.slice(2 * first, 2 * first + 4), `from ${first}`);
    }
    await resumed.close();
    const ranks = [0, 1, 2].map(async (rank) => {
      const { data: shared } = await openData(t, data, { batch: 2 });
      const samples = await take(shared, 6, rank, 3);
      await shared.close();
      return samples.map(digest);
    });
    const lines = (await Promise.all(ranks)).flat();
    t.strictSame(lines.sort(byPosition), expected.slice(0, 36), "three processes share them");
    const other = await samplesOf(t, data, 20, { batch: 2, seed: 8 });
    t.notSame(other.map(digest), expected, "another seed, other samples");
  }
});

const byPosition = (a: string, b: string) => Number.parseInt(a, 10) - Number.parseInt(b, 10);

test("an epoch has every clip once", async (t) => {
  const folder = await clipFolder(t.testdir(), 7);
  const samples = await samplesOf(t, recipe(folder, { workers: 2 }), 7, { batch: 3 });
  t.equal(samples.length, 21);
  for (const epoch of [0, 1, 2]) {
    t.equal(new Set(samples.slice(7 * epoch, 7 * epoch + 7).map(({ clip }) => clip)).size, 7);
  }
});

test("frames that can't be decoded are replaced where they are drawn, and only there", async (t) => {
  const folder = t.testdir();
  await paintClip(join(folder, "a.mp4"), [60, 64, 48], (frame, x, y) => [
    (frame * 37 + x * y) % 256,
    (frame * 91 + x * 3) % 256,
    (x * 7 + y * 13 + frame) % 256,
  ]);
  writeText(join(folder, "a.txt"), "A");
  await cutShort(join(folder, "a.mp4"));
  await writeClip(join(folder, "b.webp"), 5);
  writeText(join(folder, "b.txt"), "B");
  const { data, skips } = await openData(t, recipe(folder, { frames: 2 }));
  const captions = (await take(data, 60)).map(({ caption }) => caption);
  t.equal(skips.length, 1);
  t.equal(data.skipped, 1);
  t.match(skips[0]?.message, /a\.mp4 can't be read/);
  const share = captions.filter((caption) => caption === "A").length;
  t.ok(share > 4 && share < 29, `${share} of 60`);
  t.strictSame(
    (await take(data, 20, 40)).map(({ caption }) => caption),
    captions.slice(40),
  );
});

test("the fingerprint is of what determines samples", async (t) => {
  const both = t.testdir();
  const [folder, other] = [await clipFolder(join(both, "one"), 2), await clipFolder(join(both, "two"), 2)];
  const print = async (changes: Partial<DataRecipe> = {}, options = {}) => {
    const { data } = await openData(t, recipe(folder, changes), options);
    await data.close();
    return data.fingerprint;
  };
  const first = await print();
  t.match(first, /^[0-9a-f]{64}$/);
  t.equal(await print({ workers: 3, prefetch: 1, source: other }), first, "not of threads and places");
  const different = await Promise.all([
    print({ stride: 2 }),
    print({ size: [[32, 48]] }),
    print({ references: reference }),
    print({ references: { ...reference, flip: 0.5 } }),
    print({}, { seed: 8 }),
    print({}, { batch: 2 }),
    print({}, { cacheKey: "another" }),
    print({}, { textPositions: 17 }),
  ]);
  t.equal(new Set([first, ...different]).size, 9);
  writeText(join(folder, "clip-1.txt"), "Another caption.");
  t.not(await print(), first);
});

test("the fingerprint is of the motion that a list names, too", async (t) => {
  const folder = await clipFolder(t.testdir(), 2);
  const print = async (motion: string[]) => {
    const lines = motion.map((cell, i) => `clip-${i}.webp,${cell}`);
    const list = writeText(join(folder, "list.csv"), ["path,motion_bucket", ...lines].join("\n"));
    const { data } = await openData(t, recipe(list), { kind: "svd" });
    await data.close();
    return data.fingerprint;
  };
  const prints = [await print(["40", "50"]), await print(["50", "40"]), await print(["", "50"])];
  t.equal(new Set(prints).size, 3);
  t.equal(await print(["40.0", "50"]), prints[0], "of numbers, not of how they are written");
});

test("waiting is measured", async (t) => {
  const folder = await clipFolder(t.testdir(), 2);
  const { data } = await openData(t, recipe(folder));
  t.equal(data.waitedSeconds, 0);
  t.equal(data.clips, 2);
  const batches = data.batches({ first: 0, stride: 1 });
  await batches.next();
  const first = data.waitedSeconds;
  t.ok(first > 0);
  // Whoever takes them slowly enough finds them ready: they come before a millisecond has passed.
  for (let before = first; ; before = data.waitedSeconds) {
    await setTimeout(50);
    await batches.next();
    if (data.waitedSeconds - before < 0.001) break;
  }
});

/** A film that takes long to decode. */
async function longFilm(t: Test): Promise<string> {
  const folder = t.testdir();
  await paintClip(join(folder, "a.mp4"), [48, 320, 240], (frame, x, y) => [x % 256, y, 5 * frame]);
  writeText(join(folder, "a.txt"), "A");
  return folder;
}

/** Which of these comes first. What comes at once comes before the first batch of a long film. */
function firstOf(events: Record<string, Promise<unknown>>): Promise<string> {
  return Promise.race(Object.entries(events).map(([name, event]) => event.then(() => name)));
}

const heavy: Partial<DataRecipe> = { frames: 40, size: [[320, 240]], workers: 2, prefetch: 8 };

test("closing in the middle ends at once, and everything after is ERR_CLOSED", async (t) => {
  const folder = await longFilm(t);
  for (const pause of [0, 50, 200, 400, 800]) {
    const { data } = await openData(t, recipe(folder, heavy));
    const { data: other } = await openData(t, recipe(folder, heavy));
    const consuming = t.rejects(take(data, Number.POSITIVE_INFINITY), { code: "ERR_CLOSED" });
    await setTimeout(pause);
    const closing = Promise.all([data.close(), data.close()]);
    t.equal(await firstOf({ closed: closing, batch: take(other, 1) }), "closed");
    await Promise.all([consuming, other.close()]);
    await t.rejects(data.batches({ first: 0, stride: 1 }).next(), { code: "ERR_CLOSED" });
    t.equal(data.skipped, 0);
  }
});

test("a signal ends the batches at once, and others can be asked for", async (t) => {
  const folder = await longFilm(t);
  const { data, skips } = await openData(t, recipe(folder, heavy));
  const controller = new AbortController();
  const { signal } = controller;
  const consume = async () => {
    for await (const _ of data.batches({ first: 0, stride: 1, signal }));
  };
  const consuming = t.rejects(consume(), { code: "ERR_ABORTED", name: "AbortError", cause: "enough" });
  const { data: other } = await openData(t, recipe(folder, heavy));
  await setTimeout(100);
  controller.abort("enough");
  t.equal(await firstOf({ aborted: consuming, batch: take(other, 1) }), "aborted");
  await t.rejects(data.batches({ first: 0, stride: 1, signal: controller.signal }).next(), {
    code: "ERR_ABORTED",
  });
  t.equal((await take(data, 1))[0]?.position, 0);
  t.strictSame(skips, []);
});

test("opening can be aborted", async (t) => {
  const folder = await clipFolder(t.testdir(), 3);
  const size: DataRecipe["size"] = [
    [32, 32],
    [48, 32],
  ];
  const aborted = openData(t, recipe(folder, { size }), { signal: AbortSignal.abort() });
  await t.rejects(aborted, { code: "ERR_ABORTED" });
  const controller = new AbortController();
  const opening = openData(t, recipe(folder, { size }), { signal: controller.signal });
  setImmediate(() => controller.abort());
  await t.rejects(opening, { code: "ERR_ABORTED" });
});

test("a folder that is no tokenizer says so", async (t) => {
  const folder = await clipFolder(t.testdir(), 1);
  const opening = openData(t, recipe(folder), { tokenizer: folder });
  await t.rejects(opening, { code: "ERR_WEIGHTS_FORMAT", message: /is not a CLIP tokenizer/ });
});

const childrenOf = (pid: number | undefined) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").map(Number).filter(Boolean);
const onLinux = process.platform === "linux" ? {} : { skip: "/proc says which processes there are" };

test("a worker that is killed is replaced, and so is what it was at", onLinux, async (t) => {
  const folder = await longFilm(t);
  const data = recipe(folder, { ...heavy, frames: 4 });
  const expected = (await samplesOf(t, data, 30)).map(digest);
  const before = new Set(childrenOf(process.pid));
  const { data: opened, skips } = await openData(t, data);
  const samples: string[] = [];
  for await (const [sample] of opened.batches({ first: 0, stride: 1 })) {
    samples.push(digest(sample as Sample));
    if (samples.length === 30) break;
    if (samples.length % 12 !== 1) continue;
    const workers = childrenOf(process.pid).filter((pid) => !before.has(pid));
    t.equal(workers.length, 2);
    for (const pid of workers) process.kill(pid, "SIGKILL");
  }
  t.strictSame(samples, expected);
  t.strictSame(skips, []);
  await opened.close();
  t.strictSame(
    childrenOf(process.pid).filter((pid) => !before.has(pid)),
    [],
    "none is left",
  );
});

test("workers outlive Ctrl-C, but not their process", onLinux, async (t) => {
  const folder = await longFilm(t);
  const options = {
    kind: "motion",
    tokenizer,
    textPositions: 16,
    latentStride: 8,
    latentTimeStride: 1,
    latentChannels: 4,
  };
  const script = `
    import { TrainingData } from "#ts/data/index.js";
    const [data, options] = JSON.parse(process.argv[1]);
    const opened = await TrainingData.open(data, { ...options, onSkip() {} });
    for await (const _ of opened.batches({ first: 0, stride: 1 })) console.log("batch");`;
  const settings = JSON.stringify([recipe(folder, heavy), { ...options, seed: 1, batch: 1, cacheKey: "" }]);
  const trainer = spawn(process.execPath, ["--input-type=module", "-e", script, settings]);
  await once(trainer.stdout, "data");
  const workers = childrenOf(trainer.pid);
  t.equal(workers.length, 2);
  for (const pid of workers) process.kill(pid, "SIGINT");
  await once(trainer.stdout, "data");
  t.strictSame(childrenOf(trainer.pid), workers);
  trainer.kill("SIGKILL");
  await once(trainer, "exit");
  while (workers.some(isRunning)) await setTimeout(50);
});

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Runs a script in which `opened` is the training data of a folder; what it prints. */
async function runScript(folder: string, body: string): Promise<{ stdout: string; stderr: string }> {
  const options = {
    kind: "motion",
    tokenizer,
    textPositions: 16,
    latentStride: 8,
    latentTimeStride: 1,
    latentChannels: 4,
  };
  const script = `
    import { TrainingData } from "#ts/data/index.js";
    const [data, options] = JSON.parse(process.argv[1]);
    const opened = await TrainingData.open(data, { ...options, onSkip() {} });
    ${body}
    await opened.close();`;
  const settings = JSON.stringify([recipe(folder), { ...options, seed: 1, batch: 1, cacheKey: "" }]);
  // The test runner's hooks keep what they see.
  const [command, ...node] = bareNode;
  return run(command, [...node, "--expose-gc", "--input-type=module", "-e", script, settings]);
}

test("a process ends by itself once the data is closed", async (t) => {
  const { stdout, stderr } = await runScript(
    await clipFolder(t.testdir(), 2),
    `for await (const [sample] of opened.batches({ first: 0, stride: 1 })) {
      console.log(sample.frames.length);
      break;
    }`,
  );
  t.equal(stdout, `${4 * 32 * 32 * 3}\n`);
  t.equal(stderr, "");
  t.type(TrainingData.prototype[Symbol.asyncDispose], "function");
});

test("batches that were taken are let go", async (t) => {
  const { stdout } = await runScript(
    await clipFolder(t.testdir(), 2),
    `const batches = opened.batches({ first: 0, stride: 1 });
    const taken = [];
    while (taken.length < 60) taken.push(new WeakRef((await batches.next()).value[0]));
    const kept = () => taken.filter((sample) => sample.deref() !== undefined).length;
    // A collection that has begun keeps whatever was made since then.
    for (let collections = 0; collections < 50 && kept() >= 30; collections++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      gc();
    }
    console.log(kept());
    await batches.return();`,
  );
  t.ok(Number(stdout) < 30, `${stdout.trim()} of 60 are kept`);
});
