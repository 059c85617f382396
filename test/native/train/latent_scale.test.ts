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

t.test("channels' means and deviations are those of the last hundred steps above all", async (t) => {
  const [steps, count, channels] = [40, 6, 3];
  const draw = (i: number) => Math.sin(i * 12.9898) * (1 + (i % channels)) + (i % channels);
  const values = Float32Array.from({ length: steps * count * channels }, (_, i) => draw(i));
  const latents = { shape: [steps, count, channels], data: values };
  const { means, deviations } = runProbe("train.channel_moments", {}, { latents });
  const at = (step: number, i: number, channel: number) =>
    values[(step * count + i) * channels + channel] as number;
  const last = steps - 1;
  for (let channel = 0; channel < channels; channel++) {
    let [total, sum, squares] = [0, 0, 0];
    for (let step = 0; step < steps; step++) {
      const weight = 0.99 ** (last - step) / count;
      for (let i = 0; i < count; i++) {
        const x = at(step, i, channel);
        total += weight;
        sum += weight * x;
        squares += weight * x * x;
      }
    }
    const mean = sum / total;
    const deviation = Math.sqrt(squares / total - mean * mean);
    t.ok(Math.abs((means?.data[last * channels + channel] ?? 0) - mean) < 1e-5);
    t.ok(Math.abs((deviations?.data[last * channels + channel] ?? 0) - deviation) < 1e-5);
  }
});
