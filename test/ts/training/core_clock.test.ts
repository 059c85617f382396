import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import t from "tap";
import { CoreClock } from "#ts/training/core_clock.js";
import { StepClock } from "#ts/training/step_clock.js";

t.test("the share of the time in which threads could run and had no core", (t) => {
  const laps = [
    { 1: [100, 0], 2: [50, 0] },
    { 1: [200, 100], 2: [50, 0] },
    { 1: [200, 100], 2: [50, 0] },
    // The second ended, and a third came.
    { 1: [300, 100], 3: [100, 600] },
  ] as Record<string, [number, number]>[];
  const read = () => {
    const threads = Object.entries(laps.shift() ?? {});
    return new Map(threads.map(([thread, [ran, waited]]) => [thread, { ran, waited }]));
  };
  const clock = new CoreClock(read);
  t.equal(clock.lap(), 0.5);
  t.equal(clock.lap(), undefined, "nothing ran");
  t.equal(clock.lap(), 0.75);
  t.equal(new CoreClock(() => undefined).lap(), undefined, "where the system does not tell");
  t.end();
});

const isTold = existsSync("/proc/self/schedstat");
t.test("other programs are noticed", { skip: !isTold && "the system does not tell" }, async (t) => {
  const others = Array.from({ length: 2 * availableParallelism() }, () =>
    spawn(process.execPath, ["-e", "console.log(1); for (;;);"], { stdio: ["ignore", "pipe", "ignore"] }),
  );
  t.teardown(() => {
    for (const other of others) other.kill("SIGKILL");
  });
  await Promise.all(others.map(({ stdout }) => new Promise((resolve) => stdout.once("data", resolve))));
  const clock = new CoreClock();
  const end = performance.now() + 1000;
  while (performance.now() < end);
  const share = clock.lap() ?? 0;
  t.ok(share > 0.1 && share < 1, `${share}`);
});

t.test("a step's time is its own: what came before it is not in it", (t) => {
  let now = 0;
  const original = performance.now;
  performance.now = () => now;
  t.teardown(() => {
    performance.now = original;
  });
  const data = { waitedSeconds: 0 };
  const clock = new StepClock(data);
  clock.begin();
  now += 2000;
  data.waitedSeconds += 1;
  t.match(clock.lap(4, 10), { secondsPerStep: 2, samplesPerSecond: 2, waitShare: 0.5, etaSeconds: 20 });
  // A validation.
  now += 6000;
  clock.begin();
  now += 2000;
  t.match(clock.lap(4, 10), { secondsPerStep: 2, waitShare: 0, etaSeconds: 50 });
  t.end();
});
