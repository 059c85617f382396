import t from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { hasMatrixUnit } from "../../support/cpu.js";
import { runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

testCases("nn", "feed_forward");

t.test("the gate's kernel gives what libtorch's functions give", (t) => {
  for (const [tokens, dim, loudest] of [
    [1, 4, 1],
    [7, 8, 3],
    [130, 12, 30],
  ] as const) {
    const inputs = {
      x: drawInput("x", { shape: [tokens, dim], scale: loudest }, dim),
      grad: drawInput("grad", { shape: [tokens, dim] }, dim),
      "net.0.proj.weight": drawInput("proj", { shape: [8 * dim, dim] }, dim),
      "net.0.proj.bias": drawInput("proj bias", { shape: [8 * dim] }, dim),
      "net.2.weight": drawInput("out", { shape: [dim, 4 * dim] }, dim),
      "net.2.bias": drawInput("out bias", { shape: [dim] }, dim),
    };
    const fast = runProbe("nn.feed_forward_gradients", { plain: false }, inputs);
    for (const [name, plain] of Object.entries(
      runProbe("nn.feed_forward_gradients", { plain: true }, inputs),
    )) {
      const tolerance = name === "bf16" ? 1e-2 : 2e-6;
      assertClose(t, fast[name], plain, tolerance, `${name}, ${tokens} tokens of ${dim}, up to ${loudest}`);
    }
  }
  t.end();
});

t.test("norm, feed-forward and residual give the same in one pass as one after the other", (t) => {
  for (const [tokens, dim] of [
    [256, 32],
    [301, 96],
    [700, 192],
    [1100, 288],
    [300, 352],
  ] as const) {
    const weight = (name: string, to: number, from: number) =>
      drawInput(name, { shape: [to, from], scale: Math.sqrt(3 / from) }, dim);
    const inputs = {
      x: drawInput("x", { shape: [tokens, dim], scale: 2 }, dim),
      "norm3.weight": drawInput("norm", { shape: [dim], scale: 2 }, dim),
      "norm3.bias": drawInput("norm bias", { shape: [dim] }, dim),
      "ff.net.0.proj.weight": weight("proj", 8 * dim, dim),
      "ff.net.0.proj.bias": drawInput("proj bias", { shape: [8 * dim] }, dim),
      "ff.net.2.weight": weight("out", dim, 4 * dim),
      "ff.net.2.bias": drawInput("out bias", { shape: [dim] }, dim),
    };
    const expected = runProbe("nn.normed_feed_forward", { form: "double" }, inputs);
    for (const [form, tolerance] of [
      ["fast", 1e-5],
      ["plain", 3e-6],
      ["bf16", 0.02],
    ] as const) {
      const { out, takes } = runProbe("nn.normed_feed_forward", { form }, inputs);
      assertClose(t, out, expected.out, tolerance, `${form}, ${tokens} tokens of ${dim}`);
      t.equal(takes?.data[0], hasMatrixUnit ? 1 : 0, `${form} on this CPU`);
    }
  }
  t.end();
});
