import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { withLock } from "#ts/lock.js";

t.test("runs one at a time, and says to the second that it waits", async (t) => {
  const file = join(t.testdir(), "lock");
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await sleep(20);
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
