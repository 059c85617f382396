import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import { pipelineCase } from "../support/pipeline_cases.js";
import { readSafetensors } from "../support/safetensors.js";
import type { Tensor } from "../support/tensors.js";

const { paths, request } = pipelineCase("subject", "build/fixtures/extend");
const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
t.teardown(() => pipe.close());
const film = await pipe.sample({ ...request, frames: 5, steps: 2, seed: 1 });
const size = 3 * film.width * film.height;

t.test("a film goes on from its last frames, which stay what they are", async (t) => {
  const longer = await pipe.extend(film, { frames: 3, keep: 2, seed: 2 });
  t.equal(longer.count, 8);
  t.equal(longer.frames.length, 8 * size);
  t.ok(Buffer.from(longer.frames.subarray(0, 5 * size)).equals(film.frames), "the film as it was");
  t.equal(longer.fps, film.fps);
  t.equal(longer.request.prompt, film.request.prompt);
  t.equal(longer.request.seed, 2);
  t.notOk("video" in longer.request);
  const added = (from: typeof longer) => Buffer.from(from.frames.subarray(5 * size));
  t.ok(added(await pipe.extend(film, { frames: 3, keep: 2, seed: 2 })).equals(added(longer)), "by the seed");
  t.notOk(added(await pipe.extend(film, { frames: 3, keep: 3, seed: 2 })).equals(added(longer)));
  const again = await pipe.extend(longer, { frames: 1, keep: 8 });
  t.equal(again.count, 9, "again and again");
  t.not(again.request.seed, longer.request.seed);
});

t.test("what is kept is in the latents of every step", async (t) => {
  const saveLatents = join(t.testdir(), "latents.safetensors");
  await pipe.extend(film, { frames: 3, keep: 2, seed: 2, saveLatents });
  const { latents, film_latents: kept } = readSafetensors(saveLatents);
  const [steps = 0, , channels = 0, frames = 0, height = 0, width = 0] = latents?.shape ?? [];
  const ofFrame = (all: Tensor | undefined, step: number, frame: number) =>
    Array.from({ length: channels }, (_, c) => {
      const start = ((step * channels + c) * frames + frame) * height * width;
      return Array.from(all?.data.slice(start, start + height * width) ?? []);
    });
  t.equal(frames, 5);
  for (const frame of [0, 1]) t.same(ofFrame(latents, steps - 1, frame), ofFrame(kept, 0, frame));
  for (const frame of [2, 3, 4]) t.notSame(ofFrame(latents, steps - 1, frame), ofFrame(kept, 0, frame));
});

t.test("what it goes on with is the last prompt, or its own", async (t) => {
  const asked = { ...film, request: { ...film.request, prompt: { 0: "a", 3: "b" } } };
  t.equal((await pipe.extend(asked, { frames: 1 })).request.prompt, "b");
  t.equal((await pipe.extend(asked, { frames: 1, prompt: "c" })).request.prompt, "c");
});

t.test("what is wrong is refused by its name", async (t) => {
  const refused = (options: object, message: RegExp) =>
    t.rejects(pipe.extend(film, options), { code: "ERR_INVALID_OPTION", message });
  await refused({ keep: 0 }, /^keep: 0 is not allowed; it must be a whole number from 1 to 5/);
  await refused({ keep: 6 }, /^keep: 6 /);
  await refused({ frames: 0 }, /^frames: 0 /);
  await refused({ frames: 2000 }, /^frames: /);
  await refused({ step: 1 }, /^step is not an option/);
});
