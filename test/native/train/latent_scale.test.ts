import t from "tap";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";

t.test("the scale is the inverse of the root mean square, of the last hundred steps above all", async (t) => {
  const squares = [4, 4, 0.25, ...new Array<number>(600).fill(0.01), 9];
  const otherwise = 0.18215;
  const inputs = { squares: { shape: [squares.length], data: Float32Array.from(squares) } };
  const { factors } = runProbe("train.latent_scale", { otherwise }, inputs);
  const weightOf = (age: number) => 0.99 ** age;
  const expected = squares.map((_, last) => {
    const seen = squares.slice(0, last + 1);
    const weights = seen.map((_, i) => weightOf(last - i));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mean = seen.reduce((sum, square, i) => sum + square * (weights[i] ?? 0), 0) / total;
    return 1 / Math.sqrt(mean);
  });
  const data = Float32Array.from([otherwise, ...expected]);
  assertClose(t, factors, { shape: [data.length], data }, 1e-6, "factors");
});
