import { join } from "node:path";
import { type AnyRequest, Pipeline, type SampleProgress, type SampleRequest } from "cameo";
import { type Test, test } from "tap";
import { adapter, kohya } from "../support/loras.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";
import { writeSmallModel } from "../support/small_model.js";
import { writeVideoModel } from "../support/video_model.js";

const pixels = { data: new Uint8Array(3 * 40 * 32).map((_, i) => i % 251), width: 40, height: 32 };
/** White on the left, whose latents are whole. */
const left = { ...pixels, data: pixels.data.map((_, i) => (Math.floor(i / 3) % 40 < 16 ? 255 : 0)) };
const request = { prompt: "a cat", reference: pixels, frames: 2, width: 40, height: 32, steps: 6, seed: 7 };

async function open(t: Test, model: Parameters<typeof Pipeline.load>[0]): Promise<Pipeline> {
  const pipe = await Pipeline.load({ ...model, device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  return pipe;
}

/** A LoRA of one layer. */
function writeLora(base: string): string {
  const path = join(base, "lora.safetensors");
  const name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
  const unet = readSafetensors(join(base, "unet/diffusion_pytorch_model.safetensors"));
  const layer = { name: `unet.${name}`, shape: unet[`${name}.weight`]?.shape ?? [] };
  const { down, up } = adapter(layer, { rank: 2 });
  const [downName, upName] = kohya(layer.name);
  writeSafetensors(path, { [downName as string]: down, [upName as string]: up });
  return path;
}

/** What a request leads to, and in how many rounds. */
async function run(t: Test, pipe: Pipeline, asked: AnyRequest) {
  const saveLatents = join(t.testdir(), "latents.safetensors");
  const { frames } = await pipe.sample({ ...asked, saveLatents });
  const { latents, rounds } = readSafetensors(saveLatents);
  if (latents === undefined) throw new Error("there are no latents");
  return { frames: Buffer.from(frames), latents, rounds: Number(rounds?.data[0]) };
}

/** The largest difference of two films' last latents, of the largest value. */
function difference(a: { data: ArrayLike<number> }, b: { data: ArrayLike<number> }): number {
  const [values, others] = [Array.from(a.data), Array.from(b.data)];
  const largest = Math.max(...values.map(Math.abs));
  return Math.max(...values.map((value, i) => Math.abs(value - (others[i] as number)))) / largest;
}

test("without tolerance it is one step after another, to the bit, for every kind of sampler", async (t) => {
  const pipe = await open(t, writeSmallModel("parallel_steps"));
  const kinds: Partial<SampleRequest>[] = [
    ...["ddim", "euler", "dpmpp-2m", "unipc", "pndm", "lms"].map((scheduler) => ({ scheduler })),
    { scheduler: "heun", sigmas: "karras" },
    { scheduler: "ddim", eta: 1 },
    { scheduler: "euler-ancestral", guidanceRange: [0.2, 0.8] },
    { freeInit: { iterations: 2 }, guidanceRescale: 0.5 },
  ];
  for (const kind of kinds) {
    const plain = await run(t, pipe, { ...request, ...kind });
    const parallel = await run(t, pipe, { ...request, ...kind, parallelSteps: 3, parallelTolerance: 0 });
    t.strictSame(parallel.latents, plain.latents, JSON.stringify(kind));
    t.ok(parallel.frames.equals(plain.frames), JSON.stringify(kind));
    t.ok(parallel.rounds <= (plain.latents.shape[0] ?? 0), JSON.stringify(kind));
  }
});

test("a small tolerance leads to nearly the same, in fewer rounds than there are steps", async (t) => {
  const pipe = await open(t, writeSmallModel("parallel_steps_tolerant"));
  const many = { ...request, steps: 24 };
  const plain = await run(t, pipe, many);
  const tight = await run(t, pipe, { ...many, parallelSteps: 24, parallelTolerance: 1e-3 });
  const loose = await run(t, pipe, { ...many, parallelSteps: 24, parallelTolerance: 0.1 });
  t.ok(difference(plain.latents, tight.latents) < 1e-3);
  t.ok(tight.rounds < 24, `${tight.rounds} rounds`);
  t.ok(loose.rounds < tight.rounds, `${loose.rounds} rounds`);
});

test("progress tells the steps that are settled, with a preview", async (t) => {
  const pipe = await open(t, writeSmallModel("parallel_steps_progress"));
  const steps: number[] = [];
  const onProgress = ({ phase, step, steps: all, preview }: SampleProgress) => {
    if (phase !== "denoise") return;
    t.equal(all, 6);
    t.match(preview, { width: 5, height: 4 });
    steps.push(step);
  };
  await pipe.sample({ ...request, parallelSteps: 4, preview: true, onProgress });
  t.strictSame(
    steps,
    [...new Set(steps)].sort((a, b) => a - b),
  );
  t.equal(steps.at(-1), 6);
});

test("a film of a picture and one that is started from a film are the same, too", async (t) => {
  const video = await open(t, { base: writeVideoModel("parallel_steps_svd") });
  const small = await open(t, writeSmallModel("parallel_steps_start"));
  const parts: [Pipeline, AnyRequest][] = [
    [video, { image: pixels, frames: 3, width: 64, height: 64, steps: 3, seed: 2 }],
    [small, { ...request, video: [pixels, pixels], strength: 0.7 }],
  ];
  for (const [pipe, asked] of parts) {
    const plain = await run(t, pipe, asked);
    const parallel = await run(t, pipe, { ...asked, parallelSteps: 2, parallelTolerance: 0 });
    t.strictSame(parallel.latents, plain.latents);
  }
});

test("copies of a model share the work, with a LoRA that is put on later, too", async (t) => {
  const { subject: _, ...small } = writeSmallModel("parallel_steps_copies");
  const one = await open(t, small);
  const three = await open(t, { ...small, parallelDevices: ["cpu", "cpu"] });
  const asked = { ...request, reference: undefined, parallelSteps: 4, parallelTolerance: 0.01 };
  for (const loras of [[], [writeLora(small.base)]]) {
    for (const pipe of [one, three]) await pipe.setLora(loras);
    const [alone, shared] = [await run(t, one, asked), await run(t, three, asked)];
    t.strictSame(shared, alone);
  }
  const film = { ...asked, video: [pixels, pixels], strength: 0.7, mask: left };
  t.strictSame(await run(t, three, film), await run(t, one, film));
  const controller = new AbortController();
  const onProgress = ({ phase }: SampleProgress) => {
    if (phase === "denoise") controller.abort();
  };
  const aborted = three.sample({ ...asked, steps: 20, signal: controller.signal, onProgress });
  await t.rejects(aborted, { code: "ERR_ABORTED" });
});

test("what goes by the step before is refused", async (t) => {
  const pipe = await open(t, writeSmallModel("parallel_steps_refused"));
  const refused: [Partial<SampleRequest>, RegExp][] = [
    [{ cacheInterval: 2 }, /parallelSteps: it doesn't go with cacheInterval, which keeps features/],
    [{ referenceNoise: 0.5 }, /parallelSteps: it doesn't go with referenceNoise/],
    [{ scheduler: { _class_name: "ProbabilityFlowSampler" } }, /parallelSteps: it doesn't go with this sch/],
    [{ parallelTolerance: -1 }, /parallelTolerance/],
    [{ parallelSteps: 0 }, /parallelSteps/],
  ];
  for (const [other, message] of refused) {
    const asked = { ...request, parallelSteps: 4, ...other };
    await t.rejects(pipe.sample(asked), { code: "ERR_INVALID_OPTION", message });
  }
});
