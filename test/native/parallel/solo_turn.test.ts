// Slow: it waits for timeouts, in several processes.
import t from "tap";
import { runRanks } from "./ranks.js";

t.test("the others wait for what rank 0 does alone, however long it takes", async (t) => {
  const outcomes = await runRanks("parallel.solo_turn", 3, () => ({ timeout: 3, work: 10 }));
  for (const { outputs, error, stderr } of outcomes) {
    t.same({ outputs, error, stderr }, { outputs: { sum: [3] }, error: undefined, stderr: "" });
  }
});

t.test("they notice that rank 0 has died", async (t) => {
  const outcomes = await runRanks("parallel.solo_turn", 3, (rank) => ({
    ...{ timeout: 600, work: 0 },
    ...(rank === 0 ? { failure: { by: "kill" } } : {}),
  }));
  for (const { error } of outcomes.slice(1)) {
    t.match(error, { code: "ERR_DISTRIBUTED", message: /another process of this run ended/ });
  }
});

t.test("they notice that rank 0 has failed, though its process goes on", async (t) => {
  const [first, ...others] = await runRanks("parallel.solo_turn", 3, () => ({
    timeout: 600,
    work: 0,
    throws: true,
  }));
  t.equal(first?.error?.code, "ERR_CHECKPOINT");
  for (const { error } of others) t.equal(error?.code, "ERR_DISTRIBUTED");
});

t.test("they give up when rank 0 falls silent", async (t) => {
  const [, waiting] = await runRanks("parallel.solo_turn", 2, (rank) => ({
    ...{ timeout: 4, work: 0 },
    ...(rank === 0 ? { failure: { by: "stop", seconds: 20 } } : {}),
  }));
  t.match(waiting?.error, { code: "ERR_DISTRIBUTED", message: /did not answer within 4 s/ });
});

t.test("rank 0 hears of another one's death at the end of its work", async (t) => {
  const [first] = await runRanks("parallel.solo_turn", 2, (rank) => ({
    ...{ timeout: 600, work: 1 },
    ...(rank === 1 ? { failure: { by: "kill" } } : {}),
  }));
  t.match(first?.error, { code: "ERR_DISTRIBUTED", message: /another process of this run ended/ });
});

t.test("cancelling ends the waiting", async (t) => {
  const [, waiting] = await runRanks("parallel.solo_turn", 2, (rank) => ({
    ...{ timeout: 600, work: 8 },
    ...(rank === 1 ? { cancel: 3 } : {}),
  }));
  t.equal(waiting?.error?.code, "ERR_ABORTED");
});
