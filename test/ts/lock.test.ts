import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { tryLock, withLock } from "#ts/lock.js";
import { ownIdentity } from "#ts/process_identity.js";

t.test("runs one at a time, and says to the second that it waits", async (t) => {
  const file = join(t.testdir(), "lock");
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    while (!events.includes("second waits")) await sleep(1);
    events.push(`${name} ends`);
  };
  const first = withLock(file, work("first"));
  while (events.length === 0) await sleep(1);
  await Promise.all([first, withLock(file, work("second"), { onWait: () => events.push("second waits") })]);
  t.same(events, ["first begins", "second waits", "first ends", "second begins", "second ends"]);
  t.notOk(existsSync(file));
});

t.test("is released when the work fails", async (t) => {
  const file = join(t.testdir(), "lock");
  const fail = () => Promise.reject(new Error("no"));
  await t.rejects(withLock(file, fail), { message: "no" });
  t.equal(await withLock(file, async ({ abandoned }) => abandoned), false);
});

t.test("the lock of a process that died is taken over, and the work is told", async (t) => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  const file = join(t.testdir(), "lock");
  writeFileSync(file, JSON.stringify({ pid, host: hostname() }));
  t.equal(await withLock(file, async ({ abandoned }) => abandoned), true);
});

t.test("one of many takes over at a time", async (t) => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  const file = join(t.testdir(), "lock");
  writeFileSync(file, JSON.stringify({ pid, host: hostname() }));
  let running = 0;
  const told: boolean[] = [];
  const work = async ({ abandoned }: { abandoned: boolean }) => {
    t.equal(++running, 1);
    told.push(abandoned);
    await sleep(5);
    running--;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(file, work)));
  t.equal(told.filter(Boolean).length, 1, "one of them has something to clear away");
  t.same(readdirSync(t.testdirName), []);
});

t.test("a lock of a living process that was stopped for a while stays its own", async (t) => {
  const file = join(t.testdir(), "lock");
  writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname(), id: "its own" }));
  const longAgo = Date.now() / 1000 - 61;
  utimesSync(file, longAgo, longAgo);
  const abort = new AbortController();
  const waiting = withLock(file, async () => t.fail("the lock was taken"), {
    signal: abort.signal,
    onWait: () => abort.abort(),
  });
  await t.rejects(waiting, { name: "AbortError" });
  t.ok(existsSync(file));
});

t.test("a lock that nobody has renewed for a minute is taken over", async (t) => {
  const file = join(t.testdir(), "lock");
  writeFileSync(file, JSON.stringify({ pid: process.pid, host: "another-machine" }));
  const longAgo = Date.now() / 1000 - 61;
  utimesSync(file, longAgo, longAgo);
  t.equal(await withLock(file, async ({ abandoned }) => abandoned), true);
});

t.test("waiting ends with the signal", async (t) => {
  const file = join(t.testdir(), "lock");
  writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname() }));
  const abort = new AbortController();
  const waiting = withLock(file, async () => t.fail("the lock was taken"), {
    signal: abort.signal,
    onWait: () => abort.abort(),
  });
  await t.rejects(waiting, { name: "AbortError" });
  t.ok(existsSync(file), "the owner's lock stays");
});

/** A lock file of an owner that is this process but for what is given, renewed so many seconds ago. */
function lockOf(file: string, changes: object, age = 0): void {
  writeFileSync(file, JSON.stringify({ ...ownIdentity(), id: "another's", ...changes }));
  const renewed = Date.now() / 1000 - age;
  utimesSync(file, renewed, renewed);
}

t.test("a process that got the number of one that died does not keep its lock", async (t) => {
  const file = join(t.testdir(), "lock");
  lockOf(file, { started: "1" });
  const lock = await tryLock(file);
  t.ok(lock, "as in a container that was restarted: same host, same number");
  await lock?.[Symbol.asyncDispose]();
  t.notOk(existsSync(file));
});

t.test("a process that still runs keeps its lock, however long it was stopped", async (t) => {
  const file = join(t.testdir(), "lock");
  lockOf(file, {}, 7200);
  t.equal(await tryLock(file), undefined);
  lockOf(file, { boot: undefined, namespace: undefined, started: undefined }, 3500);
  t.equal(await tryLock(file), undefined, "one that does not say when it started keeps it for an hour");
  lockOf(file, { boot: undefined, namespace: undefined, started: undefined }, 3700);
  const lock = await tryLock(file);
  t.ok(lock);
  await lock?.[Symbol.asyncDispose]();
});

t.test("a process that ended and was not asked how has no lock", async (t) => {
  const file = join(t.testdir(), "lock");
  // The shell starts a process, and becomes one that never asks how it ended.
  const child = spawn("sh", ["-c", "sh -c 'echo $$' & exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  const pid = Number(await new Promise((resolve) => child.stdout.once("data", resolve)));
  const stat = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1] ?? "";
  while (!stat().startsWith("Z")) await sleep(5);
  lockOf(file, { pid, started: stat().split(" ")[19] });
  const lock = await tryLock(file);
  t.ok(lock);
  await lock?.[Symbol.asyncDispose]();
});

t.test("an owner that can't be seen is gone once it is silent", async (t) => {
  const file = join(t.testdir(), "lock");
  const unseen = [{ namespace: "pid:[1]" }, { boot: "before the machine was started anew" }];
  for (const changes of unseen) {
    lockOf(file, changes, 16);
    const lock = await tryLock(file);
    t.ok(lock, JSON.stringify(changes));
    await lock?.[Symbol.asyncDispose]();
  }
  lockOf(file, { namespace: "pid:[1]" }, 10);
  const alive = setInterval(() => utimesSync(file, new Date(), new Date()), 20);
  t.equal(await tryLock(file).finally(() => clearInterval(alive)), undefined, "it gives signs of life");
  lockOf(file, { host: "another-machine", boot: "another" }, 30);
  t.equal(await tryLock(file), undefined, "another machine has a minute");
});

t.test("a lock that is no owner's is of a process that died while it wrote it", async (t) => {
  const file = join(t.testdir(), "lock");
  for (const text of ["", "null", '{"pid":"one"}', '{"pid":-1}']) {
    writeFileSync(file, text);
    t.equal(await tryLock(file), undefined, text);
    const longAgo = Date.now() / 1000 - 61;
    utimesSync(file, longAgo, longAgo);
    const lock = await tryLock(file);
    t.ok(lock, text);
    await lock?.[Symbol.asyncDispose]();
  }
});
