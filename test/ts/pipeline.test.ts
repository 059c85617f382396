import { getEventListeners } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type LoadProgress, Pipeline, type SampleProgress, type SampleRequest, type Video } from "cameo";
import { type Test, test } from "tap";
import { readVideoMetadata } from "#ts/media/index.js";
import { assertClose } from "../support/compare.js";
import { writeModel } from "../support/model_folder.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";

const scheduler = { _class_name: "DDIMScheduler" };
const paths = writeModel("build/fixtures/pipeline", { motion: "motion", subject: "subject", scheduler });
const model = { ...paths, device: "cpu", dtype: "fp32" } as const;
const pixels = { data: new Uint8Array(3 * 40 * 32).map((_, i) => i % 251), width: 40, height: 32 };
const request: SampleRequest = {
  prompt: "a cat",
  reference: pixels,
  frames: 4,
  width: 40,
  height: 32,
  steps: 2,
  seed: 7,
};
/** Long enough that something can happen to it. */
const long = { ...request, steps: 1000 };

async function openPipeline(t: Test): Promise<Pipeline> {
  const pipe = await Pipeline.load(model);
  t.teardown(() => pipe.close());
  return pipe;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

/** Samples until the first denoising step, when it calls `then`. */
function sampleUntilDenoising(pipe: Pipeline, request: SampleRequest, then: () => void): Promise<Video> {
  const onProgress = ({ phase, step }: SampleProgress) => {
    if (phase === "denoise" && step === 1) then();
  };
  return pipe.sample({ ...request, onProgress });
}

test("loads with progress, and describes what is loaded", async (t) => {
  const events: LoadProgress[] = [];
  await using pipe = await Pipeline.load({ ...model, onProgress: (progress) => events.push(progress) });
  const last = events.at(-1);
  t.match(last, { phase: "load", step: last?.steps });
  t.ok(events.every(({ step }, i) => i === 0 || step > (events[i - 1]?.step ?? 0)));
  const description = pipe.describe();
  t.match(description, { device: "cpu", dtype: "fp32", subject: true, latentScale: 8, textPositions: 77 });
  t.match(description.options, { prompt: null, seed: null, steps: 30, scheduler: "ddim", reference: [] });
  t.strictSame(description.networks.map(({ name }) => name).sort(), ["text_encoder", "unet", "vae"]);
  for (const { parameters, files } of description.networks) {
    t.ok(parameters > 0);
    t.ok(files.length > 0);
    for (const { path, total, used, overridden, ignored } of files) {
      t.ok(existsSync(path), path);
      t.equal(used + overridden + ignored, total);
    }
  }
  description.networks.length = 0;
  t.equal(pipe.describe().networks.length, 3, "what is given out is a copy");
});

test("fast kernels make what plain ones make, but for rounding", async (t) => {
  const folder = t.testdir();
  const latentsBy = async (kernels: "fast" | "plain") => {
    await using pipe = await Pipeline.load({ ...model, kernels });
    const saveLatents = join(folder, `${kernels}.safetensors`);
    await pipe.sample({ ...request, width: 128, height: 96, saveLatents });
    return readSafetensors(saveLatents);
  };
  const plain = await latentsBy("plain");
  const fast = await latentsBy("fast");
  for (const [name, latents] of Object.entries(plain)) assertClose(t, fast[name], latents, 1e-4, name);
});

test("the same request makes the same frames", async (t) => {
  const pipe = await openPipeline(t);
  const video = await pipe.sample(request);
  t.match(video, { count: 4, width: 40, height: 32, fps: 8, warnings: [] });
  t.equal(video.frames.length, 4 * 32 * 40 * 3);
  t.match(video.request, { steps: 2, guidanceScale: 8, scheduler: "ddim", reference: [pixels] });
  t.match(video.request.negativePrompt, /^semi-realistic/);
  const again = await pipe.sample(video.request);
  t.ok(Buffer.from(again.frames).equals(video.frames));
  const other = await pipe.sample({ ...request, seed: 8 });
  t.notOk(Buffer.from(other.frames).equals(video.frames));
});

test("guides a part of the schedule", async (t) => {
  const pipe = await openPipeline(t);
  const framesOf = async (changes: Partial<SampleRequest>) =>
    Buffer.from((await pipe.sample({ ...request, steps: 4, ...changes })).frames);
  const guided = await framesOf({});
  const unguided = await framesOf({ guidanceScale: 1 });
  t.ok((await framesOf({ guidanceRange: [0, 1] })).equals(guided));
  t.ok((await framesOf({ guidanceRange: [0.5, 0.5] })).equals(unguided));
  const half = await framesOf({ guidanceRange: [0, 0.5] });
  t.notOk(half.equals(guided) || half.equals(unguided));
  t.ok((await framesOf({ guidanceRange: [0, 0.76] })).equals(guided), "the last step begins at 0.75");
});

test("computes deep features every so many steps", async (t) => {
  const pipe = await openPipeline(t);
  const framesOf = async (changes: Partial<SampleRequest>) =>
    Buffer.from((await pipe.sample({ ...request, steps: 4, ...changes })).frames);
  const whole = await framesOf({});
  t.ok((await framesOf({ cacheInterval: 1, cacheLayers: 2 })).equals(whole));
  const cached = await framesOf({ cacheInterval: 2 });
  t.notOk(cached.equals(whole));
  t.ok((await framesOf({ cacheInterval: 2 })).equals(cached));
  t.notOk((await framesOf({ cacheInterval: 2, cacheLayers: 2 })).equals(cached));
  t.notOk((await framesOf({ cacheInterval: 2, guidanceRange: [0, 0.7] })).equals(cached));
  await t.rejects(framesOf({ cacheInterval: 2, cacheLayers: 9 }), {
    code: "ERR_INVALID_OPTION",
    message: /^cacheLayers: 9 is not allowed; it must be from 1 to \d, the layers/,
  });
});

test("tells how far it is", async (t) => {
  const pipe = await openPipeline(t);
  const events: SampleProgress[] = [];
  await pipe.sample({ ...request, preview: true, onProgress: (progress) => events.push(progress) });
  const phases = events.map(({ phase }) => phase);
  t.strictSame([...new Set(phases)], ["encode", "denoise", "decode"]);
  t.strictSame(
    phases,
    [...phases].sort((a, b) => order.indexOf(a) - order.indexOf(b)),
  );
  t.match(
    events.filter(({ phase }) => phase === "denoise").map(({ step, steps }) => [step, steps]),
    [
      [1, 2],
      [2, 2],
    ],
  );
  t.match(events.at(-1), { phase: "decode", step: 4, steps: 4, etaSeconds: 0 });
  for (const { phase, etaSeconds, preview } of events) {
    t.equal(etaSeconds !== undefined, phase !== "encode");
    t.equal(preview !== undefined, phase === "denoise");
    if (preview) t.equal(preview.data.length, 3 * preview.width * preview.height);
  }
  const plain: SampleProgress[] = [];
  await pipe.sample({ ...request, onProgress: (progress) => plain.push(progress) });
  t.ok(plain.every(({ preview }) => preview === undefined));
});

const order = ["encode", "denoise", "decode"];

test("a signal ends the sampling, and the next one works", async (t) => {
  const pipe = await openPipeline(t);
  const controller = new AbortController();
  const { signal } = controller;
  const reason = new Error("enough");
  const sampling = sampleUntilDenoising(pipe, { ...long, signal }, () => controller.abort(reason));
  await t.rejects(sampling, { name: "AbortError", code: "ERR_ABORTED", cause: reason });
  t.equal(getEventListeners(signal, "abort").length, 0);
  await t.rejects(pipe.sample({ ...request, signal }), { code: "ERR_ABORTED", cause: reason });
  await t.resolves(pipe.sample(request));
});

test("a signal is let go of in the end", async (t) => {
  const pipe = await openPipeline(t);
  const { signal } = new AbortController();
  await pipe.sample({ ...request, signal });
  t.equal(getEventListeners(signal, "abort").length, 0);
});

test("what onProgress throws ends the sampling and comes out of it", async (t) => {
  const pipe = await openPipeline(t);
  const thrown = new RangeError("mine");
  const throws = () => {
    throw thrown;
  };
  await t.rejects(sampleUntilDenoising(pipe, long, throws), thrown);
  const rejects = async ({ phase }: SampleProgress) => {
    if (phase === "denoise") throw thrown;
  };
  await t.rejects(pipe.sample({ ...long, onProgress: rejects }), thrown);
  await t.resolves(pipe.sample(request));
});

test("every bit of a seed counts", async (t) => {
  const pipe = await openPipeline(t);
  const framesOf = async (seed: number) => Buffer.from((await pipe.sample({ ...request, seed })).frames);
  const small = await framesOf(7);
  t.notOk((await framesOf(7 + 2 ** 32)).equals(small));
  t.notOk((await framesOf(7 + 2 ** 52)).equals(await framesOf(7 + 2 ** 32)));
});

test("requests made at once wait for one another and are not mixed", async (t) => {
  const pipe = await openPipeline(t);
  const seeds = [1, 2, 3];
  const alone = [];
  for (const seed of seeds) alone.push((await pipe.sample({ ...request, seed })).frames);
  const together = await Promise.all(seeds.map((seed) => pipe.sample({ ...request, seed })));
  t.strictSame(
    together.map(({ frames }) => frames),
    alone,
  );
});

test("pipelines run side by side", async (t) => {
  const pipes = await Promise.all([openPipeline(t), openPipeline(t)]);
  const [one, two] = await Promise.all(pipes.map((pipe) => pipe.sample(request)));
  t.ok(one && two && Buffer.from(one.frames).equals(two.frames));
});

test("a closed pipeline says so", async (t) => {
  const pipe = await Pipeline.load(model);
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const running = sampleUntilDenoising(pipe, long, begin);
  // One that is ready first would be computed first.
  const waiting = begun.then(() => pipe.sample(request));
  const closing = begun.then(() => pipe.close());
  await Promise.all([
    t.rejects(running, { name: "CameoError", code: "ERR_CLOSED" }),
    t.rejects(waiting, { name: "CameoError", code: "ERR_CLOSED" }),
  ]);
  await closing;
  await pipe.close();
  await t.rejects(pipe.sample(request), { code: "ERR_CLOSED" });
  t.throws(() => pipe.describe(), { code: "ERR_CLOSED" });
});

test("leaving the scope closes", async (t) => {
  let kept: Pipeline;
  {
    await using pipe = await Pipeline.load(model);
    kept = pipe;
  }
  await t.rejects(kept.sample(request), { code: "ERR_CLOSED" });
});

test("errors are typed and have the caller's stack", async (t) => {
  const pipe = await openPipeline(t);
  const wrong: [() => Promise<unknown>, string, RegExp][] = [
    [() => pipe.sample({ ...request, steps: 0 }), "ERR_INVALID_OPTION", /^steps: 0 is not allowed/],
    [() => pipe.sample({ ...request, reference: "not/there.png" }), "ERR_INVALID_IMAGE", /not\/there\.png/],
    [() => pipe.sample({ ...request, width: 44 }), "ERR_INVALID_OPTION", /^width: 44 .* a multiple of 8$/],
    [() => Pipeline.load({ motion: "m", device: "cpu" }), "ERR_WEIGHTS_FORMAT", /^m: there is no such file/],
    [
      () => Pipeline.load({ base: "not/there", device: "cpu" }),
      "ERR_WEIGHTS_FORMAT",
      /^base: the file or folder "not\/there" isn't there; to fetch it from the Hugging Face hub, write hf:not\/there$/,
    ],
    [() => Pipeline.load({ ...model, device: "cuda:63" }), "ERR_", /./],
  ];
  for (const [start, code, message] of wrong) {
    const error = await start().then(
      () => undefined,
      (reason) => reason,
    );
    t.equal(error?.name, "CameoError");
    t.ok(error?.code.startsWith(code), `${error?.code}: ${error?.message}`);
    t.match(error?.message, message);
    t.notMatch(error?.message, /\n/);
  }
  const native = await Pipeline.load({ base: "not/there", device: "cpu" }).catch((error) => error);
  t.match(native.stack, /pipeline\.test/);
});

test("loading can be ended", async (t) => {
  await t.rejects(Pipeline.load({ ...model, signal: AbortSignal.abort() }), { code: "ERR_ABORTED" });
  const controller = new AbortController();
  const { signal } = controller;
  const loading = Pipeline.load({ ...model, signal, onProgress: () => controller.abort() });
  await t.rejects(loading, { name: "AbortError", code: "ERR_ABORTED" });
  t.equal(getEventListeners(signal, "abort").length, 0);
});

test("a prompt of any length is read whole, or cut, and the video says where", async (t) => {
  const pipe = await openPipeline(t);
  const words = "cat ".repeat(200);
  const long = { ...request, prompt: words, negativePrompt: words };
  t.strictSame((await pipe.sample(long)).warnings, []);
  const { warnings } = await pipe.sample({ ...long, longPrompt: "cut" });
  t.equal(warnings.length, 2);
  t.match(warnings[0], /^the prompt was cut after "\.\.\. .*cat.*" \(75 of \d+ tokens\)$/);
  t.match(warnings[1], /^the negative prompt was cut after /);
});

test("saves, and keeps the maker's folders to himself", async (t) => {
  const pipe = await openPipeline(t);
  const folder = t.testdir();
  const still = await pipe.sample({ ...request, frames: 1 });
  const reference = join(folder, "me.png");
  t.strictSame(await still.save(reference), [reference]);
  const video = await pipe.sample({ ...request, reference: [reference, pixels] });
  const film = join(folder, "out.webp");
  t.strictSame(await video.save(film), [film]);
  const metadata = await readVideoMetadata(film);
  t.match(metadata?.software, /^cameo \d+\.\d+\.\d+/);
  t.match(metadata?.parameters, { prompt: "a cat", seed: 7, reference: ["me.png", "pixels"] });
  await t.rejects(video.save(join(folder, "out.txt")), { code: "ERR_INVALID_OPTION" });
  await t.rejects(video.save(join(folder, "b.webp"), { signal: AbortSignal.abort() }), {
    code: "ERR_ABORTED",
  });
  t.notOk(existsSync(join(folder, "b.webp")));
});

test("latents are saved under a name of as many bytes as file systems take", async (t) => {
  const pipe = await openPipeline(t);
  const saveLatents = join(t.testdir(), `${"\u732b".repeat(80)}.safetensors`);
  await pipe.sample({ ...request, frames: 1, steps: 1, saveLatents });
  t.ok("latents" in readSafetensors(saveLatents));
});

test("without motion modules it makes a still", async (t) => {
  await using pipe = await Pipeline.load({ base: paths.base, device: "cpu" });
  t.match(pipe.describe(), { motion: null, subject: false });
  const { count, request } = await pipe.sample({ prompt: "a cat", width: 40, height: 32, steps: 1 });
  t.equal(count, 1);
  t.match(request, { frames: 1, negativePrompt: "", reference: [] });
});

test("a pipeline keeps nothing of the requests that are done", async (t) => {
  const pipe = await openPipeline(t);
  const references: WeakRef<object>[] = [];
  for (let i = 0; i < 4; i++) {
    const reference = { ...pixels, data: pixels.data.slice() };
    references.push(new WeakRef(reference.data));
    await pipe.sample({ ...request, frames: 1, reference });
  }
  const kept = () => references.slice(0, -1).filter((reference) => reference.deref() !== undefined);
  // A collection that has begun keeps what was made since then.
  for (let collections = 0; collections < 50 && kept().length > 0; collections++) {
    await new Promise(setImmediate);
    collectGarbage();
  }
  t.equal(kept().length, 0);
});

test("weights that are no numbers are an error, not a black video", async (t) => {
  const subject = join(t.testdir(), "subject.safetensors");
  const tensors = readSafetensors(paths.subject ?? "");
  const [first] = Object.values(tensors);
  first?.data.fill(Number.NaN);
  writeSafetensors(subject, tensors);
  await using pipe = await Pipeline.load({ ...model, subject });
  const message = /^the model's result is not finite: get its weights again/;
  await t.rejects(pipe.sample(request), { code: "ERR_WEIGHTS_FORMAT", message });
});

test("a tile is of a multiple of four latents, whatever the VAE says", async (t) => {
  const tiled = async (tileSize: number) => {
    const { base } = writeModel(`build/fixtures/tiles-${tileSize}`, {
      motion: null,
      subject: null,
      scheduler,
    });
    const config = join(base, "vae", "config.json");
    writeFileSync(
      config,
      JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), sample_size: tileSize }),
    );
    await using pipe = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
    const video = await pipe.sample({
      prompt: "a cat",
      width: 96,
      height: 64,
      steps: 1,
      seed: 7,
      vaeTiling: true,
    });
    return Buffer.from(video.frames);
  };
  const whole = await tiled(32);
  for (const tileSize of [4, 40, 56]) t.ok(whole.equals(await tiled(tileSize)), `${tileSize}`);
  t.notOk(whole.equals(await tiled(96)), "tiles make a difference");
});
