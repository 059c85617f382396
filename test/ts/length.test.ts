import { Pipeline, type SampleRequest } from "cameo";
import t from "tap";
import { compare } from "../support/compare.js";
import { pipelineCase } from "../support/pipeline_cases.js";

const { paths, request } = pipelineCase("subject", "build/fixtures/length");
const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
t.teardown(() => pipe.close());

const asked = { ...request, frames: 6, steps: 2, seed: 3 };
const make = async (more: Partial<SampleRequest>) => (await pipe.sample({ ...asked, ...more })).frames;
const plain = await make({});
const windows = { length: 3, overlap: 1 } as const;

t.test("what is off changes nothing, what is on something", async (t) => {
  for (const off of [
    { loop: false, noise: "independent", freeInit: false, motionScale: 1 },
    { freeInit: { iterations: 1 } },
    { noise: "freenoise", context: { length: 6 } },
    { prompt: { 0: request.prompt as string } },
  ] as const) {
    t.ok(Buffer.from(await make(off)).equals(plain), JSON.stringify(off));
  }
  for (const on of [
    { loop: true },
    { freeInit: { iterations: 2 } },
    { noise: "freenoise", context: windows },
    { noise: "freenoise-repeat", context: windows },
    { motionScale: 0.5 },
    { prompt: { 0: request.prompt as string, 5: "a fox" } },
  ] as const) {
    const made = await make(on);
    t.notOk(Buffer.from(made).equals(plain), JSON.stringify(on));
  }
});

t.test("the same prompt twice is that prompt, in windows too", async (t) => {
  for (const context of [undefined, windows]) {
    const [one, two] = [
      await make({ context }),
      await make({ context, prompt: { 0: request.prompt as string, 4: request.prompt as string } }),
    ];
    t.ok(compare(two, { shape: [], data: one } as never).largest <= 1 / 255);
  }
});

t.test("frames see their own prompts", async (t) => {
  const alone = { motionScale: 0 };
  const [one, two] = [
    await make(alone),
    await make({
      ...alone,
      prompt: { 0: request.prompt as string, 3: request.prompt as string, 4: "a fox" },
    }),
  ];
  const size = one.length / 6;
  const differs = Array.from({ length: 6 }, (_, i) => {
    const part = (frames: Uint8Array) => Buffer.from(frames.subarray(i * size, (i + 1) * size));
    return !part(one).equals(part(two));
  });
  // References, whose result is a mean over frames, tell a little of each to all.
  t.same(differs.slice(4), [true, true]);
});

t.test("every option goes with windows, references, a cache and branches one after another", async (t) => {
  const together: Partial<SampleRequest>[] = [
    { context: { ...windows, schedule: "uniform", stride: 2 }, cacheInterval: 2 },
    { context: { ...windows, schedule: "looped", weights: "flat" }, prompt: { 0: "a", 5: "b" } },
    { loop: true, context: windows, freeInit: { iterations: 2 }, cacheInterval: 2, referenceNoise: 0.5 },
    { noise: "freenoise", context: { ...windows, weights: "sawtooth" }, prompt: { 0: "a", 5: "b" } },
    {
      freeInit: { iterations: 2 },
      referenceNoise: 0.5,
      referenceNoiseMode: "as-released",
      scheduler: "euler-ancestral",
    },
  ];
  for (const more of together) {
    const made = await make(more);
    t.equal(made.length, plain.length);
  }
});
