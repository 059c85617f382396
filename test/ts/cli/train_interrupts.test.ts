// Slow: it trains, in processes that are interrupted.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "tap";
import type { Recipe } from "#ts/training/recipe.js";
import { events, startCameo } from "../../support/command.js";
import { descendantsOf, until } from "../../support/processes.js";
import { recordedSteps, writeRecipe, writeTrainingSet } from "../../support/training_run.js";

const folder = "build/fixtures/cli_train_interrupts";
const set = await writeTrainingSet("cli_train_interrupts");

function recipe(name: string, changes: Partial<Recipe> = {}) {
  const output = resolve(folder, name);
  rmSync(output, { recursive: true, force: true });
  return { path: writeRecipe({ ...set, ...changes, output }, join(folder, `${name}.json`)), output };
}

test("a closed terminal and a supervisor save a checkpoint, as Ctrl-C does", async (t) => {
  for (const signal of ["SIGHUP", "SIGTERM"] as const) {
    const { path, output } = recipe(signal, { steps: 1000 });
    const started = startCameo(["train", path, "--json"]);
    await until(() => started.out.stdout.includes('"event":"step"'));
    started.child.kill(signal);
    const finished = await started.finished;
    t.equal(finished.code, 130);
    const [checkpoint, error] = events(finished).slice(-2);
    t.match(checkpoint, { event: "checkpoint", step: recordedSteps(output).length });
    t.match(error, { code: "ERR_ABORTED" });
  }
});

test("an interrupted run says how to go on", async (t) => {
  const { path } = recipe("going on", { steps: 1000 });
  const started = startCameo(["train", path]);
  await until(() => started.out.stderr.includes("step 1 of 1000"));
  started.child.kill("SIGINT");
  const { code, stderr } = await started.finished;
  t.equal(code, 130);
  t.match(stderr, `to go on: cameo train '${path}' --resume\ncameo: interrupted\n`);
});

test("one Ctrl-C that comes twice, as by way of npx, loses nothing", async (t) => {
  const { path, output } = recipe("twice", { steps: 1000 });
  const started = startCameo(["train", path, "--json"]);
  await until(() => started.out.stdout.includes('"event":"step"'));
  for (const signal of ["SIGINT", "SIGINT", "SIGHUP", "SIGTERM", "SIGINT"] as const)
    started.child.kill(signal);
  const finished = await started.finished;
  t.equal(finished.code, 130);
  t.match(events(finished).at(-2), { event: "checkpoint", step: recordedSteps(output).length });
});

test("a second Ctrl-C while validation videos are made loses no step", async (t) => {
  const reference = resolve("examples", "critter.png");
  // It takes longer than anybody waits.
  const request = { prompt: "a box", reference, frames: 15, steps: 1000, width: 128, height: 128 };
  const { path, output } = recipe("validating", {
    steps: 1000,
    checkpoints: { every: 1000 },
    validation: { every: 2, requests: [request] },
  });
  const started = startCameo(["train", path, "--json"]);
  await until(() => started.out.stdout.includes('"event":"checkpoint"'));
  started.child.kill("SIGINT");
  await sleep(1100);
  started.child.kill("SIGINT");
  t.equal((await started.finished).code, 130);
  const checkpoint = join(output, "checkpoints", "step-00000002.safetensors");
  t.ok(existsSync(checkpoint));
  t.same(recordedSteps(output), [1, 2]);
});

test("nobody has to read what it prints", async (t) => {
  const { path, output } = recipe("unread", { steps: 12 });
  const started = startCameo(["train", path]);
  await until(() => started.out.stderr.includes("load: "));
  // As `head` does once it has its lines.
  started.child.stderr?.destroy();
  started.child.stdout?.destroy();
  t.equal((await started.finished).code, 0);
  t.equal(recordedSteps(output).length, 12);
  t.ok(existsSync(join(output, "model", "subject.safetensors")));
});

test("nor need there be room for it", { skip: !existsSync("/dev/full") && "no /dev/full" }, (t) => {
  const { path, output } = recipe("full", { steps: 2 });
  const command = `"${process.execPath}" dist/cli/main.js train ${path} --json > /dev/full`;
  const { status, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  t.equal(status, 1);
  t.equal(stderr, "cameo: the output can't be written: the disk is full\n");
  t.ok(existsSync(join(output, "model", "subject.safetensors")), "the run goes on");
  t.end();
});

/** What a command prints to a terminal of its own, up to `enough`; it is killed then. */
async function onTerminal(args: readonly string[], enough: (text: string) => boolean): Promise<string> {
  const command = [process.execPath, "dist/cli/main.js", ...args].map((arg) => `'${arg}'`).join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  const ended = once(child, "close");
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (more) => {
      text += more;
      if (enough(text)) resolve();
    });
    ended.then(() => resolve());
  });
  for (const pid of descendantsOf(child.pid as number)) process.kill(pid, "SIGKILL");
  await ended;
  return text;
}

const noTerminal = spawnSync("script", ["--version"]).error !== undefined && "no script";

test("bars leave the terminal as it was, however they end", { skip: noTerminal }, async (t) => {
  const { path } = recipe("bar", { steps: 1000 });
  const { base } = set.model;
  const commands: [args: string[], bar: RegExp][] = [
    [["train", path], /train \|.*\| \d+\/1000 loss [\d.]+, /],
    [
      ["sample", "--base", base, "--prompt", "a box", "-o", join(folder, "box.png")],
      /denoise \|.*\| \d+\/30 /,
    ],
  ];
  for (const [args, bar] of commands) {
    const text = await onTerminal(args, (printed) => bar.test(printed));
    t.match(text, bar);
    t.notMatch(text, "{", "every part of it is filled in");
    // The cursor hidden, lines kept from wrapping: who is killed can't undo that.
    t.notOk(text.includes("\u001b[?25l"), bar.source);
    t.notOk(text.includes("\u001b[?7l"), bar.source);
  }
});
