// Slow: it starts and ends several processes.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";

interface Launched {
  parent: ChildProcess;
  /** What it printed so far. */
  out: { stdout: string; stderr: string };
  closed: Promise<unknown>;
}

function start(count: number, task: string, env: NodeJS.ProcessEnv = {}): Launched {
  const script = "build/test/ts/training/launch_parent.js";
  const parent = spawn(process.execPath, [script, String(count), task], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // As a shell starts it: the leader of a group, to which the terminal sends Ctrl-C.
    detached: true,
  });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    parent[name].setEncoding("utf8").on("data", (text) => {
      out[name] += text;
    });
  }
  return { parent, out, closed: once(parent, "close") };
}

async function finish(launched: Launched) {
  await launched.closed;
  return launched.out;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A launcher of two processes that do not end, and their ids. */
async function startEndless(): Promise<Launched & { pids: number[] }> {
  const launched = start(2, "never end");
  const pids = () => [...launched.out.stderr.matchAll(/process (\d+)\n/g)].map(([, pid]) => Number(pid));
  await until(() => pids().length === 2);
  return { ...launched, pids: pids() };
}

t.test("gives each process its place, and shows rank 0's output and the others' stderr", async (t) => {
  const { stdout, stderr } = await finish(start(3, "environment", { OMP_NUM_THREADS: "5", RANK: "9" }));
  const [first, end] = stdout.trim().split("\n");
  t.equal(end, "all ended well");
  const common = { WORLD_SIZE: "3", MASTER_ADDR: "127.0.0.1", OMP_NUM_THREADS: "5" };
  const zero = JSON.parse(first as string);
  t.match(zero, { ...common, RANK: "0", LOCAL_RANK: "0", MASTER_PORT: /^\d+$/ });
  const lines = stderr.trim().split("\n").sort();
  t.equal(lines.length, 3);
  for (const rank of [1, 2]) {
    const [, json] = (lines[rank - 1] as string).split(`[rank ${rank}] `);
    t.same(JSON.parse(json as string), { ...zero, RANK: String(rank), LOCAL_RANK: String(rank) });
  }
  t.same(JSON.parse(lines[2] as string), zero);
});

t.test("gives a process the cores that are its share", async (t) => {
  const { stdout } = await finish(start(1, "environment", { OMP_NUM_THREADS: undefined }));
  const shown = JSON.parse(stdout.split("\n")[0] as string);
  t.equal(shown.OMP_NUM_THREADS, String(availableParallelism()));
});

t.test("a process that fails ends the others, and is named", async (t) => {
  const { stdout, stderr } = await finish(start(3, "rank 1 fails"));
  t.equal(
    stdout,
    "ERR_DISTRIBUTED: of 3 processes, rank 1 ended with exit code 3: see above what they said, then start " +
      "again with --resume\n",
  );
  t.equal(stderr, "[rank 1] no such clip\n[rank 1] stopping\n");
});

t.test("a process that holds out against SIGTERM is killed", async (t) => {
  const { stdout } = await finish(start(2, "rank 1 is killed, rank 0 holds out"));
  t.match(stdout, /^not yet\nERR_DISTRIBUTED: of 2 processes, rank 1 was ended by SIGKILL: /);
});

t.test("a terminal's interrupt reaches each process once, which may then save its work", async (t) => {
  const launched = start(2, "save when interrupted");
  await until(() => launched.out.stderr.match(/ready/g)?.length === 2);
  process.kill(-(launched.parent.pid as number), "SIGINT");
  const { stdout, stderr } = await finish(launched);
  t.equal(stdout, "ERR_ABORTED: the operation was aborted\n");
  t.same(stderr.trim().split("\n").sort(), [
    ...["[rank 1] ready", "[rank 1] saved after 1"],
    ...["ready", "saved after 1"],
  ]);
});

t.test("a second interrupt ends all of them at once", async (t) => {
  const { parent, out, closed, pids } = await startEndless();
  parent.kill("SIGINT");
  await until(() => out.stdout.includes("interrupted"));
  t.ok(pids.every(isRunning));
  parent.kill("SIGINT");
  await closed;
  await until(() => !pids.some(isRunning));
  t.equal(parent.exitCode, 130);
});

t.test("no process outlives a launcher that is killed", async (t) => {
  const { parent, closed, pids } = await startEndless();
  t.ok(pids.every(isRunning));
  parent.kill("SIGKILL");
  await closed;
  await until(() => !pids.some(isRunning));
  t.equal(parent.signalCode, "SIGKILL");
});

t.test("nor one that is killed while they start", async (t) => {
  const { parent, closed } = start(2, "never end");
  await sleep(400);
  parent.kill("SIGKILL");
  // Rank 0 has its pipes too: they close when both have ended.
  await closed;
  t.equal(parent.signalCode, "SIGKILL");
});
