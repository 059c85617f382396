import t from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { drawInput, type Tensor } from "../../support/tensors.js";

testCases("nn", "attention");

type Size = readonly [samples: number, heads: number, queries: number, keys: number, d: number];

/** In blocks of 64 queries, 512 keys and 16 or 32 numbers in a head, and otherwise. */
const sizes: readonly Size[] = [
  [1, 1, 1, 1, 1],
  [1, 2, 5, 7, 3],
  [2, 3, 70, 530, 20],
  [1, 1, 600, 100, 40],
  [2, 2, 64, 512, 16],
  [3, 8, 65, 17, 53],
  [40, 3, 16, 16, 32],
];

function drawInputs([samples, heads, queries, keys, d]: Size) {
  const shape = (length: number) => [samples, length, heads * d];
  return {
    q: drawInput("q", { shape: shape(queries), scale: 4 }, queries),
    k: drawInput("k", { shape: shape(keys), scale: 4 }, keys),
    v: drawInput("v", { shape: shape(keys), scale: 2 }, d),
    grad: drawInput("grad", { shape: shape(queries), scale: 2 }, heads),
  };
}

t.test("this package's kernels give what libtorch's give", async (t) => {
  for (const size of sizes) {
    const inputs = drawInputs(size);
    const config = { heads: size[1], bf16: false };
    const ours = runProbe("nn.attend", { ...config, plain: false }, inputs);
    for (const [name, plain] of Object.entries(runProbe("nn.attend", { ...config, plain: true }, inputs))) {
      assertClose(t, ours[name], plain, 5e-5, `${name} of ${size}`);
    }
  }
});

t.test("so do both ways to multiply, each to its precision", async (t) => {
  for (const size of sizes) {
    const inputs = drawInputs(size);
    const plain = runProbe("nn.attend", { heads: size[1], bf16: false, plain: true }, inputs);
    for (const [matrixUnit, tolerance, leastKeys] of [
      [false, 1e-5, 1],
      [true, 5e-5, 64],
    ] as const) {
      if (size[3] < leastKeys) continue;
      const ours = runProbe("cpu.attention", { heads: size[1], matrixUnit }, inputs);
      for (const [name, tensor] of Object.entries(ours)) {
        const way = matrixUnit ? "the matrix unit" : "fp32's kernel";
        assertClose(t, tensor, plain[name], tolerance, `${name} of ${size} by ${way}`);
      }
    }
  }
});

t.test("scores that are all far below zero change nothing", async (t) => {
  const inputs = drawInputs([1, 1, 33, 77, 16]);
  // Some -8 * 8 * 16 / 4 for each.
  inputs.q.data.set(inputs.q.data.map((value) => value - 8));
  inputs.k.data.set(inputs.k.data.map((value) => value + 8));
  const config = { heads: 1, bf16: false };
  const ours = runProbe("nn.attend", { ...config, plain: false }, inputs);
  for (const [name, plain] of Object.entries(runProbe("nn.attend", { ...config, plain: true }, inputs))) {
    assertClose(t, ours[name], plain, 0.01, name);
  }
});

t.test("bf16 gives what fp32 gives, to its own precision", async (t) => {
  for (const size of sizes) {
    const inputs = drawInputs(size);
    const heads = size[1];
    const expected = runProbe("nn.attend", { heads, bf16: false, plain: true }, inputs);
    const ours = runProbe("nn.attend", { heads, bf16: true, plain: false }, inputs);
    for (const [name, exact] of Object.entries(expected)) {
      assertClose(t, ours[name], exact, 0.05, `${name} of ${size}`);
    }
  }
});

t.test("what is not a number makes its query's result so, and no others", async (t) => {
  const [queries, d] = [70, 16];
  const [q, k] = ["q", "k"].map((name) => drawInput(name, { shape: [1, queries, d], scale: 2 }, d));
  if (!q || !k) throw new Error("nothing was drawn");
  new Uint32Array(q.data.buffer)[3 * d + 5] = 0x7fffffff;
  for (const matrixUnit of [false, true]) {
    const { out } = runProbe("cpu.attention", { heads: 1, matrixUnit }, { q, k, v: k, grad: k });
    if (!out) continue;
    const rows = Array.from({ length: queries }, (_, i) => [...out.data.slice(d * i, d * (i + 1))]);
    t.ok(rows[3]?.every(Number.isNaN));
    t.ok(rows.every((row, i) => i === 3 || row.every(Number.isFinite)));
  }
});

t.test("scores beyond what fp16 holds are scores all the same, as upcast_attention asks", async (t) => {
  const shape = [1, 16, 320];
  const inputs = {
    q: drawInput("q", { shape, scale: 300 }, 1),
    k: drawInput("k", { shape, scale: 300 }, 2),
    v: drawInput("v", { shape, scale: 1 }, 3),
  };
  const { fp32, ...halves } = runProbe("nn.attend_half", { heads: 2 }, inputs);
  for (const [name, half] of Object.entries(halves)) assertClose(t, half, fp32 as Tensor, 2e-3, name);
});

t.test("a last key that stands for several equal ones weighs as much as they do", async (t) => {
  // Of a single key queries' and keys' gradients are 0, and rounding all that there is.
  for (const size of sizes.filter(([, , , keys]) => keys > 1)) {
    const inputs = drawInputs(size);
    for (const times of [1, 2, 300]) {
      const config = { heads: size[1], times };
      const copied = runProbe("nn.attend_repeated", { ...config, plain: true, copied: true }, inputs);
      for (const plain of [true, false]) {
        const ours = runProbe("nn.attend_repeated", { ...config, plain, copied: false }, inputs);
        for (const [name, tensor] of Object.entries(ours)) {
          const expected = copied[name === "recorded_none" ? "out" : name] as Tensor;
          // Where the copies have nearly all of the weight, a key's gradient is what is left of large numbers.
          assertClose(t, tensor, expected, 5e-4, `${name} of ${size}, ${times} times`);
        }
      }
    }
  }
});

t.test("rows at the end count as equal where every sample's are", async (t) => {
  const rows = (...values: number[][]) => {
    const data = Float32Array.from(values.flat());
    return runProbe(
      "nn.equal_rows",
      {},
      { x: { shape: [values.length, data.length / values.length, 1], data } },
    ).rows?.data[0];
  };
  t.equal(rows([1, 2, 0, 0]), 2);
  t.equal(rows([1, 2, 0, 0], [3, 4, 4, 4]), 2);
  t.equal(rows([5, 5, 5]), 3);
  t.equal(rows([0, 0, 7], [1, 1, 1]), 1);
  t.equal(rows([7, 2, 7]), 1);
});
