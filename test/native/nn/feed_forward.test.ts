import t from "tap";
import { assertClose } from "../../support/compare.js";
import { runProbe, testCases } from "../../support/probes.js";
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
