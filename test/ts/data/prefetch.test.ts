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
  const waits: number[] = [];
  const made: number[] = [];
  const make = async (index: number) => {
    await setTimeout(index === 0 ? 60 : 0);
    made.push(index);
    if (index === 3) throw new Error("the third");
    return index;
  };
  const items = prefetch(make, { batch: 1, limit: 8, onWait: (seconds) => waits.push(seconds) });
  t.strictSame((await items.next()).value, [0]);
  t.ok((waits[0] ?? 0) > 0.05, `${waits[0]} s`);
  while (made.length < 8) await setTimeout(1);
  // No turn of the event loop passes where all is ready.
  let turns = 0;
  const counting = setInterval(() => turns++);
  t.strictSame([(await items.next()).value, (await items.next()).value], [[1], [2]]);
  clearInterval(counting);
  t.equal(turns, 0, "what was ready wasn't waited for");
  t.equal(waits.length, 3);
  await t.rejects(items.next(), { message: "the third" });
});
