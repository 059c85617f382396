import t from "tap";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

// in, out, height, width: those with multiples of 16 are Winograd's, of many and of few tiles for the kernel's size.
const cases = [
  [5, 3, 4, 6],
  [16, 32, 9, 13],
  [32, 16, 40, 40],
  [16, 128, 8, 8],
  [160, 16, 12, 8],
] as const;

for (const [from, to, height, width] of cases) {
  t.test(`${from} to ${to} channels of ${width}x${height}, in chunks, are those of the film`, async (t) => {
    const counts = [3, 2, 1, 2];
    const draw = (name: string, shape: number[]) => drawInput(name, { shape, scale: 1 }, 7);
    const inputs = {
      x: draw("x", [8, from, height, width]),
      "weights.weight": draw("weight", [to, from, 3, 3, 3]),
      "weights.bias": draw("bias", [to]),
      grad: draw("grad", [8, to, height, width]),
    };
    const computed = runProbe("nn.causal_convolution", { counts }, inputs);
    assertClose(t, computed.chunks, computed.whole, 1e-5, "chunks");
    for (const of of ["x", "weight", "bias"]) {
      assertClose(t, computed[`chunks_of_${of}`], computed[`whole_of_${of}`], 3e-5, `the gradient to ${of}`);
    }
  });
}
