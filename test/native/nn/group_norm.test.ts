import t from "tap";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

t.test("the fused form gives what libtorch's norm and activation give", async (t) => {
  // N, channels, height, width, groups: fewer positions than a part has and more, one sample and more than threads.
  for (const [samples, channels, height, width, groups] of [
    [1, 16, 1, 1, 4],
    [2, 32, 3, 5, 4],
    [3, 48, 7, 9, 16],
    [1, 96, 16, 48, 16],
    [7, 160, 8, 8, 32],
  ] as const) {
    const shape = [samples, channels, height, width];
    const inputs = {
      x: drawInput("x", { shape, scale: 4 }, channels),
      weight: drawInput("weight", { shape: [channels], scale: 2 }, groups),
      bias: drawInput("bias", { shape: [channels], scale: 2 }, groups),
      grad: drawInput("grad", { shape, scale: 2 }, height),
    };
    for (const silu of [false, true]) {
      const fused = runProbe("nn.group_norm", { groups, silu, plain: false }, inputs);
      for (const [name, plain] of Object.entries(
        runProbe("nn.group_norm", { groups, silu, plain: true }, inputs),
      )) {
        // A number of bf16 is off by 1/256 of itself at most.
        const tolerance = name === "bf16" ? 4e-3 : 1e-5;
        assertClose(t, fused[name], plain, tolerance, `${name}, ${shape}, ${groups} groups, silu ${silu}`);
      }
    }
  }
});
