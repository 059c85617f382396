import t from "tap";
import { runProbe } from "../../support/probes.js";

const image = { images: 2, height: 12, width: 8 };
const sequence = { heads: 2, head_dim: 24 };
const pisa = { ...sequence, frames: 3, tokens: 20, references: 2 };
const attention = { ...sequence, samples: 3, tokens: 20, keys: 33 };
const kernel = { ...image, in: 32, out: 16 };

/** Each measured computation, with the forms that are there on every CPU, and its results. */
const cases: [probe: string, config: object, forms: string[], results: string[]][] = [
  ["pisa", { ...pisa, backward: false }, ["merged", "merged, plain", "concatenated"], ["out"]],
  ["pisa", { ...pisa, backward: true }, ["merged", "concatenated"], ["out", "q", "k", "v"]],
  ["pisa", { ...pisa, subjects: 2, backward: true }, ["merged", "concatenated"], ["out", "q", "k", "v"]],
  ["attention", { ...attention, backward: false }, ["fast", "plain"], ["out"]],
  ["attention", { ...attention, backward: true }, ["fast", "plain"], ["out", "q", "k", "v"]],
  ["convolution", { ...kernel, part: "forward" }, ["direct", "layer"], ["out"]],
  ["convolution", { ...kernel, part: "input" }, ["direct"], ["out"]],
  ["convolution", { ...kernel, part: "kernel" }, ["direct"], ["out"]],
  ["group_norm", { ...image, channels: 32, groups: 4, backward: false }, ["fast", "plain"], ["out"]],
  ["group_norm", { ...image, channels: 32, groups: 4, backward: true }, ["fast", "plain"], ["out", "x"]],
  ["linear", { tokens: 40, in: 32, out: 16 }, ["layer", "oneDNN"], ["out"]],
  ["feed_forward", { tokens: 40, dim: 24 }, ["fast", "plain"], ["out"]],
];

t.test("every form that is measured computes the same, each as often as asked", async (t) => {
  for (const [probe, config, forms, results] of cases) {
    const report = runProbe(`bench.${probe}`, { ...config, seed: 3, repeats: 2, errors: true }, {});
    const name = `${probe} ${JSON.stringify(config)}`;
    for (const form of forms) {
      const seconds = report[`seconds.${form}`]?.data ?? [];
      t.equal(seconds.length, 2, `${name}: ${form}`);
      t.ok(seconds.every((each) => each > 0));
      for (const result of results) t.ok(`error.${form}.${result}` in report, `${name}: ${form}, ${result}`);
    }
    for (const [key, { data }] of Object.entries(report)) {
      if (key.startsWith("error.")) t.ok((data[0] ?? 1) < 5e-5, `${name}: ${key}`);
    }
  }
});

t.test("without errors nothing is compared", async (t) => {
  const config = { tokens: 5, dim: 16, seed: 1, repeats: 1, errors: false };
  t.strictSame(Object.keys(runProbe("bench.feed_forward", config, {})).sort(), [
    "seconds.fast",
    "seconds.plain",
  ]);
});
