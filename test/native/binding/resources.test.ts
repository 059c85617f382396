import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Pipeline, Trainer } from "cameo";
import t, { type Test } from "tap";
import { openAddon } from "#ts/addon.js";
import { nativeText } from "#ts/native_text.js";
import { bareNode } from "../../support/environment.js";
import { nativeRequest } from "../../support/native_request.js";
import { externalMemory } from "../../support/probes.js";
import { writeSmallModel } from "../../support/small_model.js";
import { writeTrainingSet } from "../../support/training_run.js";

const paths = writeSmallModel("resources");
const model = { ...paths, device: "cpu", dtype: "fp32" } as const;
const loadOptions = nativeText({ ...model, subject: [paths.subject ?? ""], kernels: "fast" });
const addon = openAddon({ cuda: false });

/** Runs a script in a process of its own. */
function evaluate(script: string) {
  const [command, ...node] = bareNode;
  const { status, signal, stdout, stderr } = spawnSync(
    command,
    [...node, "--input-type=module", "-e", script],
    { encoding: "utf8", timeout: 120_000 },
  );
  return { status, signal, stdout: stdout.trim(), stderr };
}

function residentBytes(): number {
  return Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4096;
}

/** A pipeline that is at work on a request of a thousand steps, which `end` aborts. */
async function busyPipeline() {
  const native = new addon.Pipeline();
  await native.load(loadOptions, () => {}).promise;
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const running = native.sample(nativeRequest({ steps: 1000 }), begin);
  let hasEnded = false;
  const ended = running.promise
    .catch(() => {})
    .finally(() => {
      hasEnded = true;
    });
  await begun;
  return { native, ended, hasEnded: () => hasEnded };
}

t.test("a task that is aborted before it begins settles at once and leaves nothing behind", async (t) => {
  const { native, hasEnded } = await busyPipeline();
  const bytes = 128 * 2 ** 20;
  const references = [{ data: new Uint8Array(bytes).fill(1), width: 64, height: 64 }];
  const before = residentBytes();
  const queued = native.sample({ ...nativeRequest(), pictures: { reference: references } }, () => {});
  t.ok(residentBytes() - before > 0.9 * bytes, "the request has its own copy of the picture");
  const settled = queued.promise.catch((error) => error.code);
  queued.abort();
  t.ok(residentBytes() - before < 0.1 * bytes, "which is freed at once");
  t.equal(await Promise.race([settled, setImmediate("pending")]), "ERR_ABORTED");
  t.notOk(hasEnded(), "while what was before it goes on");
  queued.abort();
  await native.close();
});

t.test("closing settles what waits at once", async (t) => {
  const { native, ended } = await busyPipeline();
  const order: string[] = [];
  const waiting = native.sample(nativeRequest(), () => {}).promise;
  const all = [
    ended.then(() => order.push("running")),
    native.close().then(() => order.push("closed")),
    waiting.catch(() => order.push("waiting")),
  ];
  await Promise.all(all);
  t.same(order, ["waiting", "running", "closed"]);
});

t.test("where the system starts no thread, loading says so and the process ends", (t) => {
  const { status, signal, stdout, stderr } = evaluate(`
    import { runProbe } from ${JSON.stringify(import.meta.resolve("../../support/probes.js"))};
    import { Pipeline } from "cameo";
    runProbe("binding.refuse_threads", {}, {});
    const error = await Pipeline.load(${JSON.stringify(model)}).catch((reason) => reason);
    console.log(error.name, error.code, error.message);`);
  t.same({ status, signal }, { status: 0, signal: null }, stderr);
  t.match(
    stdout,
    /^CameoError ERR_OUT_OF_MEMORY the system refused to start a thread \(.+\): close pipelines/,
  );
  t.end();
});

const copies = 8;

/** Checks that V8 is told of `bytes` for each of some objects while they are loaded, and of nothing afterwards. */
async function checkExternal(
  t: Test,
  bytes: number,
  objects: { close(): Promise<unknown> }[],
  load: () => Promise<unknown>,
): Promise<void> {
  const before = externalMemory();
  await load();
  const loaded = externalMemory() - before;
  await Promise.all(objects.map((object) => object.close()));
  const closed = externalMemory() - before;
  const all = bytes * objects.length;
  t.ok(loaded > 0.9 * all && loaded < 1.1 * all, `${loaded} bytes while ${all} are loaded`);
  t.ok(Math.abs(closed) < 0.1 * all, `${closed} bytes afterwards`);
}

t.test("V8 is told of the weights, and that they are gone", async (t) => {
  await using pipe = await Pipeline.load(model);
  const bytes = 4 * pipe.describe().networks.reduce((sum, { parameters }) => sum + parameters, 0);
  const natives = Array.from({ length: copies }, () => new addon.Pipeline());
  const load = () => Promise.all(natives.map((native) => native.load(loadOptions, () => {}).promise));
  await checkExternal(t, bytes, natives, load);
});

t.test("so it is of a trainer, the optimiser's state and averages included", async (t) => {
  const set = await writeTrainingSet("resources_trainer");
  await using trainer = await Trainer.open({ ...set, ema: 0.9, output: t.testdir() });
  const recipe = JSON.stringify(trainer.recipe);
  const { networks, trainedParameters } = trainer.describe();
  const bytes = 4 * (networks.reduce((sum, { parameters }) => sum + parameters, 0) + 3 * trainedParameters);
  const natives = Array.from({ length: copies }, () => new addon.Trainer());
  const load = () => Promise.all(natives.map((native) => native.load(recipe, () => {}).promise));
  await checkExternal(t, bytes, natives, load);
});

t.test(
  "the addon stays in memory when the last worker that has it ends",
  { skip: process.platform !== "linux" },
  (t) => {
    t.ok(isNeverUnloaded("build/Release/cameo.node"), "its file says that it is never unloaded");
    const { stdout, stderr } = evaluate(`
    import { readFileSync } from "node:fs";
    import { Worker } from "node:worker_threads";
    const source = \`
      const { openAddon } = await import(${JSON.stringify(import.meta.resolve("#ts/addon.js"))});
      await openAddon({ cuda: false }).runtime();\`;
    await new Promise((resolve) => new Worker(source, { eval: true }).on("exit", resolve));
    console.log(readFileSync("/proc/self/maps", "utf8").includes("cameo.node"));`);
    t.equal(stdout, "true", stderr);
    t.end();
  },
);

/** Whether an ELF library has the flag DF_1_NODELETE among its dynamic entries. */
function isNeverUnloaded(path: string): boolean {
  const file = readFileSync(path);
  const [dynamicSegment, flags1, noDelete, entryBytes] = [2, 0x6ffffffb, 8n, 16];
  const programHeaders = Number(file.readBigUInt64LE(32));
  for (let i = 0; i < file.readUInt16LE(56); i++) {
    const header = programHeaders + 56 * i;
    if (file.readUInt32LE(header) !== dynamicSegment) continue;
    const start = Number(file.readBigUInt64LE(header + 8));
    const end = start + Number(file.readBigUInt64LE(header + 32));
    for (let entry = start; entry < end; entry += entryBytes) {
      if (file.readBigUInt64LE(entry) === BigInt(flags1)) {
        return (file.readBigUInt64LE(entry + 8) & noDelete) !== 0n;
      }
    }
  }
  return false;
}
