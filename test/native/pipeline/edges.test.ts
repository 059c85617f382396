import t from "tap";
import { testCases } from "../../support/cases.js";
import { runProbe } from "../../support/probes.js";

testCases("controls", "edges");

t.test("of pictures of one row, one column and one pixel", async (t) => {
  for (const shape of [
    [1, 5, 3],
    [5, 1, 3],
    [1, 1, 3],
  ]) {
    const size = shape.reduce((a, b) => a * b);
    const picture = { shape, data: new Float32Array(size).map((_, i) => (i % 2 ? 255 : 0)) };
    t.same(runProbe("pipeline.edges", { low: 1, high: 2 }, { picture }).edges?.shape, shape.slice(0, 2));
  }
});
