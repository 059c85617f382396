import { test } from "tap";
import { Order } from "#ts/data/order.js";
import { Random } from "#ts/data/random.js";

const clipsOf = (count: number, from = 0) => Uint32Array.from({ length: count }, (_, i) => from + i);
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

test("random numbers depend on the whole key, and are spread evenly", async (t) => {
  const draw = (...key: (string | number)[]) => new Random(...key).next();
  t.equal(draw(1, "a", 2), draw(1, "a", 2));
  t.equal(new Set([draw(1, "a", 2), draw(2, "a", 2), draw(1, "b", 2), draw(1, "a", 3)]).size, 4);
  const random = new Random(5);
  const counts = Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) counts[random.below(10)]++;
  t.ok(Math.min(...counts) > 850 && Math.max(...counts) < 1150, counts.join(" "));
});

test("every epoch is a permutation of its own", async (t) => {
  for (const [count, batch] of [
    [1, 1],
    [5, 2],
    [7, 3],
    [12, 4],
  ] as const) {
    const order = new Order([clipsOf(count)], batch, 3);
    const epochs = range(4).map((epoch) => range(count).map((i) => order.at(epoch * count + i).clip));
    for (const epoch of epochs)
      t.strictSame(
        [...epoch].sort((a, b) => a - b),
        range(count),
      );
    if (count > 4) t.equal(new Set(epochs.map((epoch) => epoch.join())).size, 4, "no two are alike");
  }
});

test("what stands where does not depend on what was asked before", async (t) => {
  const buckets = [clipsOf(9), clipsOf(4, 9), clipsOf(1, 13)];
  const inOrder = new Order(buckets, 2, 1);
  const expected = range(200).map((position) => inOrder.at(position));
  const shuffled = new Order(buckets, 2, 1);
  for (const position of new Random(1).shuffle(range(200))) {
    t.strictSame(shuffled.at(position), expected[position]);
  }
  const other = new Order(buckets, 2, 2);
  t.notSame(
    range(200).map((position) => other.at(position)),
    expected,
    "another seed is another order",
  );
});

test("a micro-batch is of one bucket, and each bucket's clips come equally often", async (t) => {
  const buckets = [clipsOf(9), clipsOf(4, 9), clipsOf(0), clipsOf(1, 13)];
  const order = new Order(buckets, 4, 1);
  const times = Array(14).fill(0);
  // ceil(9 / 4) + ceil(4 / 4) + ceil(1 / 4) micro-batches to an epoch.
  const inEpoch = 5;
  for (let i = 0; i < inEpoch * 36; i++) {
    const batch = range(4).map((j) => order.at(4 * i + j));
    t.equal(new Set(batch.map(({ bucket }) => bucket)).size, 1);
    for (const { bucket, clip } of batch) {
      t.ok(buckets[bucket]?.includes(clip));
      times[clip]++;
    }
  }
  t.strictSame(times, [...Array(9).fill(48), ...Array(4).fill(36), 144]);
  const epochs = range(6).map((epoch) =>
    range(inEpoch)
      .map((i) => order.at(4 * (epoch * inEpoch + i)).bucket)
      .join(""),
  );
  t.ok(new Set(epochs).size > 1, "the buckets' order changes from epoch to epoch");
});

test("replacements come from the clip's bucket first, and then from everywhere", async (t) => {
  const order = new Order([clipsOf(3), clipsOf(5, 3)], 1, 1);
  const own = range(6).map((i) => order.replacement(17, 0, i + 1));
  t.ok(
    own.every((clip) => clip < 3),
    own.join(),
  );
  const all = new Set(range(60).map((i) => order.replacement(17, 0, i + 7)));
  t.strictSame([...all].sort(), range(8));
  t.equal(order.replacement(17, 0, 3), new Order([clipsOf(3), clipsOf(5, 3)], 9, 1).replacement(17, 0, 3));
});
