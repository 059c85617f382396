// Slow: it waits for timeouts, in several processes.
import { once } from "node:events";
import { createServer } from "node:net";
import t, { type Test } from "tap";
import { freePort } from "#ts/training/launch.js";
import { setEnvironment } from "../../support/environment.js";
import { type Outcome, runRank, runRanks } from "./ranks.js";

t.test("every rank gets the same from each collective call", async (t) => {
  const outcomes = await runRanks("parallel.collectives", 3);
  for (const { outputs, stderr } of outcomes) {
    t.equal(stderr, "");
    t.same(outputs, {
      broadcast: [2, 2, 2],
      broadcast_strided: Array.from({ length: 24 }, (_, i) => 200 + i),
      sum: [6, 6, 6, 6],
      sum_columns: [0, 9, 3, 12, 6, 15],
      mean: [1],
      max: [0],
      any: [1],
      none: [0],
    });
  }
});

t.test("a process that is killed ends the others' calls, and is not waited for", async (t) => {
  const failure = { step: 2, by: "kill" };
  const outcomes = await runRanks("parallel.sum_until_failure", 3, (rank) => ({
    timeout: 3600, // longer than a test may take
    ...(rank === 1 ? { failure } : {}),
  }));
  t.equal(outcomes[1]?.signal, "SIGKILL");
  for (const rank of [0, 2]) {
    const { code, error } = outcomes[rank] as Outcome;
    t.equal(error?.code, "ERR_DISTRIBUTED");
    const message = `^rank ${rank}: another process of this run ended, .*start the run again with --resume$`;
    t.match(error?.message, new RegExp(message));
    t.equal(code, 0, "and the process goes on");
  }
});

t.test("a process that does not answer is given up after the timeout", async (t) => {
  const failure = { step: 2, by: "hang", seconds: 20 };
  const [waiting, hanging] = await runRanks("parallel.sum_until_failure", 2, (rank) => ({
    timeout: 6,
    ...(rank === 1 ? { failure } : {}),
  }));
  t.equal(waiting?.error?.code, "ERR_DISTRIBUTED");
  t.match(waiting?.error?.message, /did not answer within 6 s/);
  t.ok((waiting?.ended ?? 0) < (hanging?.ended ?? 0), "before it would have answered");
});

t.test("a failure of a process's own stays what it is", async (t) => {
  const [alone] = await runRanks("parallel.own_failure", 1);
  t.match(alone?.error, { code: "ERR_LIBTORCH", message: /size of tensor/ });
});

t.test("cancelling ends a call that waits for another process", async (t) => {
  const failure = { step: 2, by: "hang", seconds: 20 };
  for (const probe of ["parallel.sum_until_failure", "parallel.train"]) {
    const [waiting] = await runRanks(probe, 2, (rank) => ({
      ...{ timeout: 600, steps: 9, accumulation: 1 },
      ...(rank === 1 ? { failure } : { cancel: 5 }),
    }));
    t.match(waiting, { code: 0, error: { code: "ERR_ABORTED" } }, probe);
  }
});

t.test("cancelling ends the waiting for processes that don't come", async (t) => {
  for (const rank of [0, 1]) {
    const waiting = await runRank("parallel.join", await membership({ rank, timeout: 600, cancel: 0.5 }));
    t.match(waiting, { code: 0, error: { code: "ERR_ABORTED" }, stderr: "" }, `rank ${rank}`);
  }
});

/** A membership of two on a port of its own. */
async function membership(change: object = {}): Promise<object> {
  const port = await freePort();
  return { rank: 0, world_size: 2, address: "127.0.0.1", port, timeout: 4, ...change };
}

/** No stack of c10d's either. */
function assertError(t: Test, outcome: Outcome, message: RegExp): void {
  t.same({ code: outcome.error?.code, stderr: outcome.stderr }, { code: "ERR_DISTRIBUTED", stderr: "" });
  t.match(outcome.error?.message, message);
}

t.test("says who is missing", async (t) => {
  assertError(
    t,
    await runRank("parallel.join", await membership()),
    /^only 1 of 2 processes came to 127.0.0.1:\d+ within 4 s/,
  );
  const follower = await runRank("parallel.join", await membership({ rank: 1 }));
  assertError(t, follower, /^rank 1 did not reach rank 0 at 127.0.0.1:\d+ within 4 s/);
});

t.test("says that the address is unknown", async (t) => {
  const lost = await runRank("parallel.join", await membership({ address: "no.such.host.invalid" }));
  assertError(t, lost, /^MASTER_ADDR "no.such.host.invalid" cannot be resolved/);
});

t.test("says that the port is taken", async (t) => {
  const server = createServer().listen(0, "0.0.0.0");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const outcome = await runRank("parallel.join", await membership({ port }));
  server.close();
  assertError(t, outcome, new RegExp(`^rank 0 cannot listen on port ${port} \\(address already in use\\)`));
});

t.test("says that the processes disagree", async (t) => {
  const config = await membership();
  const ranks = [{}, { rank: 1, world_size: 3 }];
  const outcomes = await Promise.all(ranks.map((own) => runRank("parallel.join", { ...config, ...own })));
  // Whichever comes second notices; the first one is told that, or finds the second gone.
  const disagreement = /^WORLD_SIZE is [23] for rank \d and [23] for another process/;
  const noticed = outcomes.find(({ error }) => disagreement.test(error?.message ?? ""));
  assertError(t, noticed ?? (outcomes[0] as Outcome), disagreement);
  for (const outcome of outcomes)
    assertError(t, outcome, /for another process|another process of this run ended|only 1 of/);
});

t.test("says that two processes have the same rank", async (t) => {
  const config = await membership({ world_size: 3 });
  const outcomes = await Promise.all([0, 1, 1].map((rank) => runRank("parallel.join", { ...config, rank })));
  const refused = outcomes.filter(({ error }) => error?.message.endsWith("give each a RANK of its own"));
  t.equal(refused.length, 1);
  assertError(t, refused[0] as Outcome, /^two processes at 127.0.0.1:\d+ have rank 1: /);
});

t.test("takes the network interface that GLOO_SOCKET_IFNAME names", async (t) => {
  setEnvironment(t, { GLOO_SOCKET_IFNAME: "lo" });
  for (const { outputs } of await runRanks("parallel.join", 2)) t.match(outputs, { world_size: [2] });
  setEnvironment(t, { GLOO_SOCKET_IFNAME: "nowhere0" });
  const outcomes = await runRanks("parallel.join", 2);
  // Whoever is later may find the other one gone.
  const own = /could not connect to the others \(.*nowhere0.*\): set GLOO_SOCKET_IFNAME/;
  for (const outcome of outcomes)
    assertError(t, outcome, new RegExp(`${own.source}|another process of this run ended`));
  t.ok(outcomes.some(({ error }) => own.test(error?.message ?? "")));
});

t.test("says that NCCL is missing where the device is a GPU", async (t) => {
  for (const outcome of await runRanks("parallel.join", 2, () => ({ device: "cuda:0" }))) {
    assertError(t, outcome, /^training on several GPUs needs NCCL \(.*cameo_cuda.so: .*\): build cameo with/);
  }
});
