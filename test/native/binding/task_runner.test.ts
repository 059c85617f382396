// Slow: it ends processes and workers in the middle of requests.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { type CameoError, Pipeline, type SampleRequest } from "cameo";
import t from "tap";
import { writeSmallModel } from "../../support/small_model.js";

const model = { ...writeSmallModel("tasks"), device: "cpu", dtype: "fp32" } as const;
const grey = { data: new Uint8Array(64 * 64 * 3).fill(128), width: 64, height: 64 };
const request: SampleRequest = {
  prompt: "a man",
  reference: grey,
  frames: 4,
  width: 64,
  height: 64,
  seed: 1,
  steps: 2,
};
const endless: SampleRequest = { ...request, steps: 1000 };

/** A script that loads the pipeline, starts a request that would take long, and then runs `then`. */
function script(then: string): string {
  return `
    const { Pipeline } = await import("cameo");
    const pipe = await Pipeline.load(${JSON.stringify(model)});
    const reference = { data: new Uint8Array(64 * 64 * 3), width: 64, height: 64 };
    const steps = [];
    const running = pipe.sample({ prompt: "a", reference, frames: 4, width: 64, height: 64, steps: 1000, seed: 1,
      onProgress: (progress) => { steps.push(progress); if (steps.length === 3) started(); } });
    async function started() { ${then} }
    await running.catch((error) => console.log(error.code));
  `;
}

function runNode(source: string) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", source],
    {
      encoding: "utf8",
      timeout: 120_000,
    },
  );
  return { status, signal, stdout: stdout.trim(), stderr };
}

t.test("requests of one pipeline run one after another and are not mixed", async (t) => {
  const pipe = await Pipeline.load(model);
  t.teardown(() => pipe.close());
  const seeds = [1, 2, 3];
  const alone: Uint8Array[] = [];
  for (const seed of seeds) alone.push((await pipe.sample({ ...request, seed })).frames);
  const order: number[] = [];
  const together = await Promise.all(
    seeds.map((seed) => pipe.sample({ ...request, seed, onProgress: () => order.push(seed) })),
  );
  for (const [i, video] of together.entries()) t.same(video.frames, alone[i], `request ${i}`);
  t.same(order, [...order].sort(), "progress of one request at a time, in their order");
});

t.test("several pipelines at once give what each gives alone", async (t) => {
  const pipes = await Promise.all([Pipeline.load(model), Pipeline.load(model)]);
  t.teardown(() => Promise.all(pipes.map((pipe) => pipe.close())));
  const [first, second] = pipes;
  const alone = await first.sample(request);
  const videos = await Promise.all([first.sample(request), second.sample(request)]);
  for (const video of videos) t.same(video.frames, alone.frames);
});

t.test("an aborted request leaves the next one alone", async (t) => {
  const pipe = await Pipeline.load(model);
  t.teardown(() => pipe.close());
  const expected = (await pipe.sample(request)).frames;
  const controller = new AbortController();
  let steps = 0;
  const aborted = pipe.sample({
    ...endless,
    signal: controller.signal,
    onProgress: ({ phase }) => {
      if (phase === "denoise" && ++steps === 2) controller.abort();
    },
  });
  const next = pipe.sample(request);
  await t.rejects(aborted, { code: "ERR_ABORTED", name: "AbortError" });
  t.ok(steps < 1000, `${steps} steps until it ended`);
  t.same((await next).frames, expected);
});

t.test("closing ends what runs and what waits", async (t) => {
  const pipe = await Pipeline.load(model);
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const onProgress = ({ phase }: { phase: string }) => phase === "denoise" && begin();
  const codes = [1, 2].map(() =>
    pipe.sample({ ...endless, onProgress }).then(
      () => "done",
      (error: CameoError) => error.code,
    ),
  );
  await begun;
  await pipe.close();
  t.same(await Promise.all(codes), ["ERR_CLOSED", "ERR_CLOSED"]);
  await t.rejects(pipe.sample(request), { code: "ERR_CLOSED" });
  await pipe.close();
});

t.test("closing ends the threads that were started for it", async (t) => {
  const threads = () => readdirSync("/proc/self/task").length;
  const use = async () => {
    const pipe = await Pipeline.load(model);
    await pipe.sample(request);
    await pipe.close();
  };
  await use();
  const before = threads();
  const rounds = 6;
  for (let round = 0; round < rounds; ++round) await use();
  // Other libraries' may come and go.
  t.ok(threads() < before + rounds, `${threads()} threads, ${before} before`);
});

t.test("a model is closed as the process exits", async (t) => {
  const { status, signal, stderr } = runNode(
    script("process.on('exit', () => { pipe.close(); }); process.exit(7);"),
  );
  t.same({ status, signal }, { status: 7, signal: null }, stderr);
});

t.test("process.exit in the middle of a request", async (t) => {
  for (let round = 0; round < 5; ++round) {
    const { status, signal, stderr } = runNode(script("process.exit(7);"));
    t.same({ status, signal }, { status: 7, signal: null }, stderr);
  }
});

t.test("an uncaught error in the middle of a request", async (t) => {
  const { status, signal, stderr } = runNode(script("setImmediate(() => { throw new Error('mine'); });"));
  t.same({ status, signal }, { status: 1, signal: null }, stderr);
  t.match(stderr, /mine/);
});

t.test("an error thrown by onProgress aborts and rejects with it", async (t) => {
  const pipe = await Pipeline.load(model);
  t.teardown(() => pipe.close());
  const mine = new Error("mine");
  const running = pipe.sample({
    ...endless,
    onProgress: () => {
      throw mine;
    },
  });
  t.equal(await running.catch((error: unknown) => error), mine);
});

t.test("worker threads, several at once, terminated in the middle of a request", async (t) => {
  const source = script("(await import('node:worker_threads')).parentPort.postMessage('started');");
  // It meets another moment each time: a report on its way to JS in a thread that runs no more JS.
  for (let round = 0; round < 12; ++round) {
    const workers = Array.from(
      { length: 3 },
      () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(resolved(source))}`)),
    );
    await Promise.all(workers.map((worker) => once(worker, "message")));
    const codes = await Promise.all(workers.map((worker) => worker.terminate()));
    t.same(codes, [1, 1, 1], "ended by terminate()");
  }
  const pipe = await Pipeline.load(model);
  t.teardown(() => pipe.close());
  t.equal((await pipe.sample(request)).frames.length, 4 * 64 * 64 * 3, "the main thread still samples");
});

/** A data: URL has no package to resolve names in. */
function resolved(source: string): string {
  return source.replace('import("cameo")', `import(${JSON.stringify(import.meta.resolve("cameo"))})`);
}
