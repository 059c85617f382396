import { test } from "tap";
import { runProbe } from "../../support/probes.js";

function numbers(seed: number, stream: { purpose?: number; index?: number } = {}) {
  const { drawn, pytorch } = runProbe("core.normal_numbers", { seed, ...stream }, {});
  return { drawn: Array.from(drawn?.data ?? []), pytorch: Array.from(pytorch?.data ?? []) };
}

test("seeds below 2^32 draw PyTorch's numbers", async (t) => {
  for (const seed of [0, 7, 2 ** 31, 2 ** 32 - 1]) {
    const { drawn, pytorch } = numbers(seed);
    t.same(drawn, pytorch, `${seed}`);
  }
});

test("every bit of a seed counts, in every stream", async (t) => {
  const streams = [{}, { index: 3 }, { purpose: 2 }, { purpose: 4, index: 5 }];
  for (const stream of streams) {
    const drawn = new Set<string>();
    for (let bit = 0; bit < 53; bit++) drawn.add(numbers(2 ** bit + 7, stream).drawn.join());
    drawn.add(numbers(7, stream).drawn.join());
    // 2^0, 2^1 and 2^2 are in 7 already, and carry over.
    t.equal(drawn.size, 54, JSON.stringify(stream));
  }
});
