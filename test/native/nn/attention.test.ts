import t from "tap";
import { assertClose } from "../../support/compare.js";
import { runProbe, testCases } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

testCases("nn", "attention");

t.test("this package's kernels give what libtorch's give", async (t) => {
  // N, heads, queries, keys, numbers in a head: in blocks of 64 queries, 512 keys and 16 numbers, and otherwise.
  for (const [samples, heads, queries, keys, d] of [
    [1, 1, 1, 1, 1],
    [1, 2, 5, 7, 3],
    [2, 3, 70, 530, 20],
    [1, 1, 600, 100, 40],
    [2, 2, 64, 512, 16],
    [3, 8, 65, 17, 53],
    [40, 3, 16, 16, 32],
  ] as const) {
    const shape = (length: number) => [samples, length, heads * d];
    const inputs = {
      q: drawInput("q", { shape: shape(queries), scale: 4 }, queries),
      k: drawInput("k", { shape: shape(keys), scale: 4 }, keys),
      v: drawInput("v", { shape: shape(keys), scale: 2 }, d),
      grad: drawInput("grad", { shape: shape(queries), scale: 2 }, heads),
    };
    const ours = runProbe("nn.attend", { heads, plain: false }, inputs);
    for (const [name, plain] of Object.entries(runProbe("nn.attend", { heads, plain: true }, inputs))) {
      assertClose(t, ours[name], plain, 1e-5, `${name} of ${[samples, heads, queries, keys, d]}`);
    }
  }
});
