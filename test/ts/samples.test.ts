import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, type SamplesProgress, type SamplesRequest, type Video } from "cameo";
import { type Test, test } from "tap";
import { adapter, kohya } from "../support/loras.js";
import { writeModel } from "../support/model_folder.js";
import { png } from "../support/pictures.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";

const scheduler = { _class_name: "DDIMScheduler" };
const paths = writeModel("build/fixtures/samples", { motion: "motion", subject: "subject", scheduler });
const [width, height] = [40, 32];
const pixels = (seed: number) => ({
  data: new Uint8Array(3 * width * height).map((_, i) => (i * seed) % 251),
  width,
  height,
});
const [a, b] = [pixels(7), pixels(13)];
const request = {
  ...{ prompt: "a cat", reference: [a, b], width, height, frames: 2, steps: 1 },
  ...{ guidanceScale: 3, negativePrompt: "" },
};

const withWords = (words: string) => ({
  reference: undefined,
  subjects: [{ reference: a, words }, { reference: b }],
});

async function open(t: Test): Promise<Pipeline> {
  const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  return pipe;
}

async function all(videos: AsyncIterable<Video>): Promise<Video[]> {
  const result: Video[] = [];
  for await (const video of videos) result.push(video);
  return result;
}

test("each video is what its seed makes alone, to the bit", async (t) => {
  const [together, alone] = [await open(t), await open(t)];
  const cases: [string, object][] = [
    ["references", {}],
    ["drawn by the seed, and noisy", { referenceLatents: "sample", referenceNoise: 0.3 }],
    [
      "other prompts and words",
      { prompt: { 0: "a robot", 1: "a cat" }, clipSkip: 1, ...withWords("a robot") },
    ],
    ["other words", { prompt: { 0: "a robot", 1: "a cat" }, clipSkip: 1, ...withWords("a cat") }],
    ["as released", { referenceNoise: 0.3, referenceNoiseMode: "as-released", steps: 2 }],
    ["a picture to start from", { image: a, strength: 0.5, frames: 1, steps: 2 }],
  ];
  for (const [name, own] of cases) {
    const seeds = [5, 2 ** 40];
    const videos = await all(together.samples({ ...request, ...own, seeds }));
    t.strictSame(
      videos.map(({ request }) => request.seed),
      seeds,
    );
    for (const [i, seed] of seeds.entries()) {
      // What was encoded for the request before is of another prompt and other references.
      await alone.sample({ ...request, prompt: "the", reference: b, frames: 1, seed: 1 });
      const { frames, request: made } = await alone.sample({ ...request, ...own, seed });
      t.ok(
        videos[i]?.frames.every((value, at) => value === frames[at]),
        `${name}, seed ${seed}`,
      );
      t.strictSame(videos[i]?.request, made);
    }
  }
});

test("other weights encode anew", async (t) => {
  const pipe = await open(t);
  const lora = join(t.testdir(), "lora.safetensors");
  const layer = "text_model.encoder.layers.0.mlp.fc1";
  const weights = readSafetensors(join(paths.base, "text_encoder/model.safetensors"));
  const name = `text_encoder.${layer}`;
  const { down, up } = adapter({ name, shape: weights[`${layer}.weight`]?.shape ?? [] }, { rank: 2 });
  const [downName, upName] = kohya(name);
  writeSafetensors(lora, { [downName]: down, [upName]: up });
  const before = await pipe.sample({ ...request, seed: 1 });
  await pipe.setLora({ path: lora, scale: 1 });
  const after = await pipe.sample({ ...request, seed: 1 });
  t.notSame(after.frames, before.frames);
  const loaded = await Pipeline.load({ ...paths, lora, device: "cpu", dtype: "fp32" });
  t.strictSame((await loaded.sample({ ...request, seed: 1 })).frames, after.frames);
  await loaded.close();
});

test("pictures are read once, and each video is computed when it is asked for", async (t) => {
  const pipe = await open(t);
  const path = join(t.testdir(), "a.png");
  writeFileSync(path, png({ width: 32, height: 32, bits: 8, values: [9, 200] }, 1));
  const progress: SamplesProgress[] = [];
  const onProgress = (one: SamplesProgress) => progress.push(one);
  const videos = pipe.samples({ ...request, reference: path, seeds: [1, 2], onProgress });
  const { value: first } = await videos.next();
  t.equal((first as Video).request.seed, 1);
  rmSync(path);
  const count = progress.length;
  t.ok(progress.every(({ video, videos }) => video === 0 && videos === 2));
  // Another request is done in between.
  await pipe.sample({ ...request, seed: 3 });
  t.equal(progress.length, count, "nothing is computed in advance");
  const { value: second } = await videos.next();
  t.equal((second as Video).request.seed, 2);
  t.notSame((second as Video).frames, (first as Video).frames);
  t.same(await videos.next(), { value: undefined, done: true });
  const later = progress.slice(count);
  t.ok(later.length > 0 && later.every(({ video }) => video === 1));
  const etas = progress.flatMap(({ etaSeconds }) => (etaSeconds === undefined ? [] : [etaSeconds]));
  t.ok(etas.length > 0);
  t.equal(later.at(-1)?.etaSeconds, 0, "nothing is left at the end");
  const atEndOfFirst = progress[count - 1]?.etaSeconds ?? 0;
  t.ok(atEndOfFirst > 0, "after the first one the second is left");
});

test("a loop that is left, a signal and closing end it", async (t) => {
  const pipe = await open(t);
  for await (const video of pipe.samples({ ...request, seeds: 1000 })) {
    t.equal(video.count, 2);
    break;
  }
  const stop = new AbortController();
  const made: number[] = [];
  const aborted = async () => {
    for await (const { request: of } of pipe.samples({ ...request, seeds: [1, 2, 3], signal: stop.signal })) {
      made.push(of.seed);
      stop.abort();
    }
  };
  await t.rejects(aborted(), { code: "ERR_ABORTED" });
  t.strictSame(made, [1]);
  const videos = pipe.samples({ ...request, seeds: [1, 2] });
  await videos.next();
  await pipe.close();
  await t.rejects(videos.next(), { code: "ERR_CLOSED" });
});

test("seeds are drawn where only their number is given", async (t) => {
  const pipe = await open(t);
  const videos = await all(pipe.samples({ ...request, seeds: 3 }));
  const seeds = videos.map(({ request }) => request.seed);
  t.equal(new Set(seeds).size, 3);
  t.ok(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0));
});

test("says what is wrong with seeds", async (t) => {
  const pipe = await open(t);
  const refused = async (own: object, message: RegExp) =>
    t.rejects(all(pipe.samples({ ...request, ...own } as object as SamplesRequest)), {
      code: "ERR_INVALID_OPTION",
      message,
    });
  const allowed = /^seeds: .* is not allowed; it must be an array of 1 to 1000 seeds/;
  for (const seeds of [0, 1001, 1.5, "3", [], [1.5], [-1], [2 ** 53], Array(1001).fill(1)])
    await refused({ seeds }, allowed);
  await refused({}, /^seeds is missing/);
  await refused({ seeds: [1], seed: 1 }, /^seed: seeds has those of all videos/);
  await refused({ seeds: [1], saveLatents: "a.safetensors" }, /^saveLatents: it is one video's file/);
  await refused({ seeds: [1], stepz: 1 }, /^stepz is not an option; did you mean steps\?/);
});
