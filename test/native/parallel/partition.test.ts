import t from "tap";
import { runProbe } from "../../support/probes.js";

function partition(sizes: number[], ranks: number): number[] {
  return Array.from(runProbe("parallel.partition", { sizes, ranks }, {}).owners?.data ?? []);
}

t.test("the largest first, each to the rank that owns least", async (t) => {
  t.same(partition([3, 10, 4, 6, 1], 2), [0, 0, 1, 1, 1]);
  t.same(partition([5, 5, 5, 5], 2), [0, 1, 0, 1]);
  t.same(partition([7], 3), [0]);
  t.same(partition([], 3), []);
});

t.test("no rank owns more than its share by more than the largest tensor", async (t) => {
  const sizes = Array.from({ length: 400 }, (_, i) => ((i * 7919) % 1000) + 1);
  const owners = partition(sizes, 7);
  const owned = Array.from({ length: 7 }, () => 0);
  for (const [i, owner] of owners.entries()) owned[owner] = (owned[owner] ?? 0) + (sizes[i] as number);
  t.ok(
    Math.max(...owned) - Math.min(...owned) <= 10,
    `between ${Math.min(...owned)} and ${Math.max(...owned)}`,
  );
});
