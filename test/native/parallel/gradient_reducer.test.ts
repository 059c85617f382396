// Slow: it waits for timeouts, in several processes.
import t, { type Test } from "tap";
import { type Outcome, runRank, runRanks } from "./ranks.js";

const steps = 3;
/** Of the leaf that not every rank uses. */
const spare = 3;

/** The same steps in one process, on all samples at once. */
async function alone(usesSpare: boolean): Promise<Record<string, number[]>> {
  const config = { world_size: 1, accumulation: 1, steps, uses_spare: usesSpare };
  const { outputs } = await runRank("parallel.train", config);
  if (!outputs) throw new Error("training alone failed");
  return outputs;
}

function assertSame(t: Test, { outputs = {}, stderr }: Outcome, expected: Record<string, number[]>): void {
  t.equal(stderr, "");
  t.same(Object.keys(outputs), Object.keys(expected));
  for (const [name, values] of Object.entries(expected)) {
    const largest = Math.max(
      ...values.map((value, i) => Math.abs(value - (outputs[name]?.[i] ?? Number.NaN))),
    );
    t.ok(largest <= 1e-6, `${name} is within 1e-6: ${largest}`);
  }
}

for (const usesSpare of [true, false]) {
  for (const [ranks, accumulation] of [
    [2, 1],
    [2, 3],
    [3, 2],
  ] as const) {
    const leaves = usesSpare ? "all leaves" : "a leaf that no rank uses";
    t.test(`${ranks} ranks, ${accumulation} micro-batches, ${leaves}: as one process`, async (t) => {
      const expected = await alone(usesSpare);
      t.equal(`gradient/0/${spare}` in expected, usesSpare);
      const outcomes = await runRanks("parallel.train", ranks, () => ({
        steps,
        accumulation,
        uses_spare: usesSpare,
      }));
      for (const outcome of outcomes) assertSame(t, outcome, expected);
    });
  }
}

t.test("a leaf that only one rank uses gets the mean with zero on all of them", async (t) => {
  const name = `gradient/0/${spare}`;
  const expected = (await alone(true))[name]?.map((value) => value / 2) ?? [];
  const outcomes = await runRanks("parallel.train", 2, (rank) => ({
    steps: 1,
    accumulation: 2,
    uses_spare: rank === 1,
  }));
  for (const outcome of outcomes) {
    assertSame(t, { ...outcome, outputs: { [name]: outcome.outputs?.[name] ?? [] } }, { [name]: expected });
  }
});

t.test("a process that is killed ends the others' backward passes", async (t) => {
  const [waiting] = await runRanks("parallel.train", 2, (rank) => ({
    // Longer than a test may take.
    ...{ steps, accumulation: 1, timeout: 3600 },
    ...(rank === 1 ? { failure: { step: 1, by: "kill" } } : {}),
  }));
  t.equal(waiting?.error?.code, "ERR_DISTRIBUTED");
  t.match(waiting?.error?.message, /^rank 0: another process of this run ended/);
  t.equal(waiting?.code, 0);
});

t.test("a process that does not answer is given up after the timeout", async (t) => {
  const [waiting, hanging] = await runRanks("parallel.train", 2, (rank) => ({
    ...{ steps, accumulation: 1, timeout: 6 },
    ...(rank === 1 ? { failure: { step: 1, by: "hang", seconds: 20 } } : {}),
  }));
  t.equal(waiting?.error?.code, "ERR_DISTRIBUTED");
  t.ok((waiting?.ended ?? 0) < (hanging?.ended ?? 0), "before it would have answered");
});

t.test("refuses to train other parameters than rank 0", async (t) => {
  const [first, second] = await runRanks("parallel.other_leaves", 2, () => ({ timeout: 10 }));
  t.equal(first?.error?.code, "ERR_DISTRIBUTED");
  t.match(second?.error, {
    code: "ERR_DISTRIBUTED",
    message: /^rank 1 trains other parameters than rank 0: start all processes/,
  });
});
