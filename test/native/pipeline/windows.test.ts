import { join } from "node:path";
import { Pipeline } from "cameo";
import { test } from "tap";
import { assertClose } from "../../support/compare.js";
import { pipelineCase } from "../../support/pipeline_cases.js";
import { runProbe } from "../../support/probes.js";
import { drawInput, type Tensors } from "../../support/tensors.js";

function windows(frames: number, length: number, overlap: number): Tensors {
  const x = drawInput("x", { shape: [1, frames, 1, 2, 1] }, 3);
  return { x, ...runProbe("pipeline.windows", { frames, length, overlap }, { x }) };
}

test("windows cover all frames, the last one ends with the last", (t) => {
  const starts = (...args: [number, number, number]) =>
    Array.from(windows(...args).first?.data ?? [], Number);
  t.same(starts(5, 0, 0), [0]);
  t.same(starts(5, 5, 2), [0]);
  t.same(starts(5, 8, 2), [0]);
  t.same(starts(12, 8, 4), [0, 4]);
  t.same(starts(13, 8, 2), [0, 5]);
  t.same(starts(9, 3, 0), [0, 3, 6]);
  t.same(starts(10, 3, 2), [0, 1, 2, 3, 4, 5, 6, 7]);
  t.end();
});

test("where windows overlap it goes from one to the other", (t) => {
  for (const { x, same } of [windows(12, 8, 4), windows(13, 8, 2), windows(10, 3, 2)]) {
    assertClose(t, same, x, 1e-6, "parts that agree are what they are");
  }
  const { numbers } = windows(12, 8, 4);
  const frames = Array.from(numbers?.data ?? [], Number).filter((_, i) => i % 2 === 0);
  t.same(frames.slice(0, 4), [0, 0, 0, 0]);
  t.same(frames.slice(8), [1, 1, 1, 1]);
  t.same(
    frames.slice(4, 8).map((value) => value.toFixed(3)),
    [1 / 5, 2 / 5, 3 / 5, 4 / 5].map((value) => value.toFixed(3)),
  );
  t.end();
});

test("a video may be longer than the motion modules reach", async (t) => {
  const { paths, request } = pipelineCase("subject", "build/fixtures/windows");
  const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  const most = (pipe.describe().motion?.maxFrames ?? 0) - 1;
  const same = { ...request, frames: 4, steps: 2 };
  const [whole, inOne] = [await pipe.sample(same), await pipe.sample({ ...same, context: { length: 4 } })];
  t.same(inOne.frames, whole.frames, "a window of all frames changes nothing");
  const frames = 2 * most;
  await t.rejects(pipe.sample({ ...same, frames }), { message: /the option context has more$/ });
  await t.rejects(pipe.sample({ ...same, frames, context: { length: most + 1 } }), {
    message: /^context.length: /,
  });
  const context = { length: most, overlap: 5 };
  const saveLatents = join(t.testdir(), "latents.safetensors");
  for (const more of [
    {},
    { cacheInterval: 2 },
    { referenceNoise: 0.5, referenceNoiseMode: "as-released" as const },
  ]) {
    const video = await pipe.sample({ ...same, ...more, frames, context, saveLatents });
    t.equal(video.frames.length, frames * video.request.width * video.request.height * 3);
    t.same(video.request.context, context);
  }
  t.equal((await pipe.sample({ ...same, frames, context: { length: 8 } })).request.context?.overlap, 2);
});
