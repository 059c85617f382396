// Slow: it starts and ends many processes.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import t from "tap";
import { bareNode } from "../../support/environment.js";
import { writeSmallModel } from "../../support/small_model.js";

const model = { ...writeSmallModel("hosts"), device: "cpu", dtype: "fp32" };
/** How many processes host worker threads that are terminated. */
const hostRepetitions = Number(process.env.CAMEO_HOSTS ?? 1);
const request = { prompt: "a man", frames: 2, width: 64, height: 64, steps: 1, seed: 1 };

interface Host {
  type?: "module" | "commonjs";
  env?: NodeJS.ProcessEnv;
}

/** Runs a script in a process of its own that may load and sample, and gives what it printed as JSON. */
function evaluate(script: string, { type = "module", env = {} }: Host = {}) {
  const prelude = `
    const model = ${JSON.stringify(model)};
    const reference = { data: new Uint8Array(64 * 64 * 3), width: 64, height: 64 };
    const request = { ...${JSON.stringify(request)}, reference };`;
  const [command, ...node] = bareNode;
  const { status, signal, stdout, stderr } = spawnSync(
    command,
    [...node, `--input-type=${type}`, "-e", prelude + script],
    { encoding: "utf8", timeout: 300_000, env: { ...process.env, ...env } },
  );
  if (status !== 0) throw new Error(`exit code ${status}, signal ${signal}: ${stderr}`);
  return JSON.parse(stdout);
}

const frameBytes = 2 * 64 * 64 * 3;
const skip = process.platform === "linux" ? false : "the threads are libgomp's on Linux alone";

t.test("handlers and masks of signals are as they were", async (t) => {
  const { before, after, listeners } = evaluate(`
    import { readFileSync } from "node:fs";
    import { Pipeline } from "cameo";
    const signals = () => readFileSync("/proc/self/status", "utf8").match(/^Sig(Blk|Ign|Cgt).*$/gm);
    const count = () => process.eventNames().map((name) => [String(name), process.listenerCount(name)]);
    process.on("SIGINT", () => {});
    const before = signals();
    const names = count();
    const pipe = await Pipeline.load(model);
    await pipe.sample(request);
    const after = signals();
    const own = names.filter(([name]) => name !== "exit");
    const listeners = own.every(([name, n]) => process.listenerCount(name) === n);
    const added = process.eventNames().map(String).filter((name) => /^SIG|^uncaught|^unhandled/.test(name));
    await pipe.close();
    console.log(JSON.stringify({ before, after, listeners: listeners && added.join() === "SIGINT" }));`);
  t.same(after, before);
  t.ok(listeners, "no listener of errors or signals was added or taken away");
});

t.test("the host's environment and working folder are as they were", async (t) => {
  const { before, after } = evaluate(`
    import { Pipeline } from "cameo";
    // libvips, which reads references, sets VIPSHOME.
    const state = () => ({ ...process.env, VIPSHOME: "", folder: process.cwd(), umask: process.umask() });
    const before = state();
    const pipe = await Pipeline.load(model);
    await pipe.sample(request);
    await pipe.close();
    console.log(JSON.stringify({ before, after: state() }));`);
  t.same(after, before);
});

t.test("no native code writes to the environment, which the host's threads may be reading", async (t) => {
  const files = readdirSync("native", { recursive: true, encoding: "utf8" });
  const sources = files.filter((name) => /\.(cc|cu|h|hpp)$/.test(name));
  t.ok(sources.includes(join("cuda", "nccl_backend.cc")));
  const write = /\b(setenv|putenv|unsetenv|clearenv)\b/;
  t.strictSame(
    sources.filter((name) => write.test(readFileSync(join("native", name), "utf8"))),
    [],
  );
});

t.test("OpenMP's threads are as many as the host asked for, and stay so", async (t) => {
  const script = `
    import { openAddon } from ${JSON.stringify(import.meta.resolve("#ts/addon.js"))};
    import { Pipeline } from "cameo";
    const threads = async () => JSON.parse(await openAddon().runtime()).threads;
    const before = await threads();
    const pipe = await Pipeline.load(model);
    await pipe.sample(request);
    await pipe.close();
    console.log(JSON.stringify([before, await threads()]));`;
  t.same(evaluate(script, { env: { OMP_NUM_THREADS: "1" } }), [1, 1]);
  const [before, after] = evaluate(script);
  t.equal(after, before);
});

t.test("OpenMP's threads sleep soon where they wait, if the host doesn't say how", { skip }, async (t) => {
  // libgomp's wait is short in a process with more OpenMP threads than cores, so there are some that do nothing.
  const threadsOf = (env: NodeJS.ProcessEnv, least = 0): number =>
    evaluate(
      `
      import { readdirSync } from "node:fs";
      import { setTimeout } from "node:timers/promises";
      import { Pipeline } from "cameo";
      const pipe = await Pipeline.load(model);
      await pipe.sample(request);
      const count = () => readdirSync("/proc/self/task").length;
      for (let waits = 0; count() < ${least} && waits < 600; waits++) await setTimeout(100);
      console.log(count());
      await pipe.close();`,
      { env: { OMP_WAIT_POLICY: undefined, GOMP_SPINCOUNT: undefined, ...env } },
    );
  const told = [{ OMP_WAIT_POLICY: "active" }, { GOMP_SPINCOUNT: "300000" }].map((env) => threadsOf(env));
  const idle = Math.max(...told) + availableParallelism();
  const threads = threadsOf({}, idle);
  t.ok(threads >= idle, `${threads} threads, and ${told.join(" and ")} where the host says how they wait`);
});

t.test("a CommonJS host takes it with require", async (t) => {
  const script = `
    const { Pipeline, CameoError } = require("cameo");
    Pipeline.load(model).then(async (pipe) => {
      const { frames } = await pipe.sample(request);
      await pipe.close();
      console.log(JSON.stringify({ bytes: frames.length, error: typeof CameoError }));
    });`;
  t.same(evaluate(script, { type: "commonjs" }), { bytes: frameBytes, error: "function" });
});

t.test("import and require give the same classes", async (t) => {
  const same = evaluate(`
    import { createRequire } from "node:module";
    import { CameoError } from "cameo";
    const required = createRequire(process.cwd() + "/host.js")("cameo");
    console.log(required.CameoError === CameoError);`);
  t.equal(same, true);
});

t.test("child processes of one host sample at the same time", async (t) => {
  const child = `
    import { Pipeline } from "cameo";
    const { model, request } = JSON.parse(process.env.GIVEN);
    const pipe = await Pipeline.load(model);
    const reference = { data: new Uint8Array(64 * 64 * 3), width: 64, height: 64 };
    const { frames } = await pipe.sample({ ...request, reference });
    await pipe.close();
    process.send(frames.length, () => process.disconnect());`;
  const results = evaluate(
    `
    import { spawn } from "node:child_process";
    const run = () => new Promise((resolve) => {
      const args = ["--input-type=module", "-e", ${JSON.stringify(child)}];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
      let bytes = 0;
      child.on("message", (message) => { bytes = message; });
      child.on("close", (code) => resolve({ code, bytes }));
    });
    console.log(JSON.stringify(await Promise.all([run(), run()])));`,
    { env: { GIVEN: JSON.stringify({ model, request }) } },
  );
  t.same(results, Array(2).fill({ code: 0, bytes: frameBytes }));
});

/** Eight workers that load and sample; then twenty, eight at a time, that are terminated in the midst of it. */
const hostOfWorkers = `
  import { Worker } from "node:worker_threads";
  const source = \`
    import { parentPort, workerData } from "node:worker_threads";
    const { Pipeline } = await import(workerData.cameo);
    const onProgress = ({ phase, step }) => parentPort.postMessage({ phase, step });
    const pipe = await Pipeline.load({ ...workerData.model, onProgress });
    const { frames } = await pipe.sample({ ...workerData.request, onProgress });
    await pipe.close();
    parentPort.postMessage({ bytes: frames.length });\`;
  const workerData = { cameo: ${JSON.stringify(import.meta.resolve("cameo"))}, model, request };
  const run = () => new Promise((resolve, reject) => {
    new Worker(source, { eval: true, workerData })
      .on("message", ({ bytes }) => bytes && resolve(bytes))
      .on("error", reject);
  });
  const bytes = await Promise.all(Array.from({ length: 8 }, run));

  const endless = { ...workerData, request: { ...request, steps: 1000 } };
  const moments = [["load", 1], ["load", 50], ["encode", 1], ["denoise", 1], ["denoise", 4]];
  const terminate = (nth) => new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, workerData: endless });
    const [phase, step] = moments[nth % moments.length];
    worker.on("error", reject).on("exit", (code) => resolve({ phase, code }));
    worker.on("message", (reached) => {
      if (reached.phase === phase && reached.step >= step) worker.terminate();
    });
  });
  const terminated = [];
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (next < 20) terminated.push(await terminate(next++));
  }));
  console.log(JSON.stringify({ bytes, terminated, after: await run() }));`;

t.test("eight worker threads load at once, and twenty are terminated as they run", (t) => {
  for (let repetition = 0; repetition < hostRepetitions; repetition++) {
    const { bytes, terminated, after } = evaluate(hostOfWorkers);
    t.same(bytes, Array(8).fill(frameBytes));
    t.equal(terminated.length, 20);
    for (const { code } of terminated) t.equal(code, 1);
    t.equal(after, frameBytes, "the host can still load and sample");
  }
  t.end();
});
