// Slow: it waits for timeouts, in several processes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import sharp from "sharp";
import t from "tap";
import { freePort } from "#ts/training/launch.js";
import type { Recipe } from "#ts/training/recipe.js";
import { cameo, events } from "../../support/command.js";
import { bareNode } from "../../support/environment.js";
import { writeRecipe, writeTrainingSet } from "../../support/training_run.js";

// What becomes of a process that waits for others. None of them would answer within the timeout.

const set = await writeTrainingSet("trainer_waiting");

function recipe(name: string, changes: Partial<Recipe> = {}): string {
  const output = `${set.output}-${name}`;
  rmSync(output, { recursive: true, force: true });
  return writeRecipe({ ...set, ...changes, output }, `${output}.json`);
}

interface Place {
  rank: number;
  port: number;
}

/** Starts `script` as one process of two; `open` makes its trainer. */
function start(script: string, path: string, { rank, port }: Place) {
  const prelude = `
    import { Trainer } from "cameo";
    const membership = { rank: ${rank}, worldSize: 2, localRank: ${rank}, address: "127.0.0.1", port: ${port} };
    const open = (options) => Trainer.open(${JSON.stringify(path)}, { membership, ...options });`;
  const [command, ...node] = bareNode;
  return spawn(command, [...node, "--input-type=module", "-e", prelude + script], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
}

/** How it ended, and what it printed. */
async function ending(child: ReturnType<typeof start>) {
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text) => {
      out[name] += text;
    });
  }
  const [code, signal] = await once(child, "close");
  return { code, signal, ...out };
}

t.test("opening that waits for the others can be aborted, and the process can exit", async (t) => {
  const path = recipe("opening");
  const loaded = "({ step, steps }) => step === steps && setTimeout(act, 1000)";
  for (const rank of [0, 1]) {
    const place = { rank, port: await freePort() };
    const abort = `
      const controller = new AbortController();
      const act = () => controller.abort();
      await open({ signal: controller.signal, onProgress: ${loaded} }).catch(({ code }) => console.log(code));`;
    const aborted = await ending(start(abort, path, place));
    t.match(aborted, { code: 0, stdout: "ERR_ABORTED\n" }, `rank ${rank}: ${aborted.stderr}`);
    const exit = `const act = () => process.exit(7); await open({ onProgress: ${loaded} });`;
    const exited = await ending(start(exit, path, place));
    t.match(exited, { code: 7, signal: null }, `rank ${rank}: ${exited.stderr}`);
  }
});

/** Falls silent after its first step. */
const silent = `
  const trainer = await open();
  for await (const { type } of trainer.run()) if (type === "step") process.kill(process.pid, "SIGSTOP");`;

/** Does something to `trainer` while its second step waits for the other process. */
const waiting = (act: string) => `
  const trainer = await open();
  try {
    for await (const { type } of trainer.run()) if (type === "step") setTimeout(() => ${act}, 1000);
  } catch ({ code }) {
    console.log(code);
  }`;

const endings = [
  ["trainer.close()", { code: 0, signal: null, stdout: "ERR_CLOSED\n" }],
  ["process.exit(7)", { code: 7, signal: null, stdout: "" }],
] as const;

for (const [index, [act, expected]] of endings.entries()) {
  t.test(`${act} ends a step that waits for another process`, async (t) => {
    const path = recipe(`ending-${index}`);
    const port = await freePort();
    const other = start(silent, path, { rank: 1, port });
    const ended = await ending(start(waiting(act), path, { rank: 0, port }));
    t.match(ended, expected, ended.stderr);
    other.kill("SIGKILL");
    await once(other, "close");
  });
}

/** Validation after every step, by a video of so many steps. */
async function validation(folder: string, steps: number): Promise<NonNullable<Recipe["validation"]>> {
  const reference = resolve(folder, "grey.png");
  const grey = { width: 64, height: 64, channels: 3, background: "grey" } as const;
  await sharp({ create: grey }).png().toFile(reference);
  const request = { prompt: "a box", width: 64, height: 64, frames: 8, steps, reference };
  return { every: 1, requests: [request], format: "webp" };
}

for (const [index, [act, expected]] of endings.entries()) {
  t.test(`${act} ends validation, and the other process hears of it`, async (t) => {
    const path = recipe(`validating-${index}`, { validation: await validation(t.testdir(), 1000) });
    const port = await freePort();
    const other = ending(start(waiting("{}"), path, { rank: 1, port }));
    const ended = await ending(start(waiting(act), path, { rank: 0, port }));
    t.match(ended, expected, ended.stderr);
    t.match(await other, { code: 0, stdout: "ERR_DISTRIBUTED\n" });
  });
}

t.test("validation may take longer than the others wait for an answer", async (t) => {
  const path = recipe("validation", {
    steps: 2,
    validation: await validation(t.testdir(), 600),
    distributed: { timeoutSeconds: 8 },
  });
  const finished = await cameo(["train", path, "--nproc", "2", "--json"], { OMP_NUM_THREADS: "1" });
  t.equal(finished.code, 0, finished.stderr);
  const validated = events(finished).filter(({ event }) => event === "validation");
  t.same(
    validated.map(({ step }) => step),
    [1, 2],
  );
});
