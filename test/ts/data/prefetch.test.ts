import { setTimeout } from "node:timers/promises";
import { test } from "tap";
import { prefetch } from "#ts/data/prefetch.js";

test("keeps the order, and as many ahead as are allowed", async (t) => {
  for (const [batch, limit] of [
    [1, 3],
    [2, 5],
    [4, 2],
  ] as const) {
    let [started, handedOver, most] = [0, 0, 0];
    const make = async (index: number) => {
      most = Math.max(most, ++started - handedOver);
      await setTimeout((index * 7) % 5);
      return index;
    };
    const seen: number[] = [];
    for await (const items of prefetch(make, { batch, limit, onWait: () => {} })) {
      handedOver += items.length;
      t.equal(items.length, batch);
      seen.push(...items);
      await setTimeout(10);
      if (seen.length >= 24) break;
    }
    t.strictSame(
      seen,
      Array.from({ length: 24 }, (_, i) => i),
    );
    // The batch that is being handed over is not ahead any more.
    t.equal(most, Math.max(limit, batch) + batch, `${batch} of ${limit}`);
  }
});

test("says how long was waited, and an error comes where its item would", async (t) => {
  let waited = 0;
  const make = async (index: number) => {
    await setTimeout(index === 0 ? 60 : 0);
    if (index === 3) throw new Error("the third");
    return index;
  };
  const items = prefetch(make, { batch: 1, limit: 8, onWait: (seconds) => (waited += seconds) });
  t.strictSame((await items.next()).value, [0]);
  t.ok(waited > 0.05 && waited < 0.5, `${waited} s`);
  const first = waited;
  await setTimeout(50);
  t.strictSame([(await items.next()).value, (await items.next()).value], [[1], [2]]);
  t.ok(waited - first < 0.04, "what was ready wasn't waited for");
  await t.rejects(items.next(), { message: "the third" });
});
