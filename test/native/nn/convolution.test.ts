import t from "tap";
import { assertClose } from "../../support/compare.js";
import { hasMatrixUnit } from "../../support/cpu.js";
import { runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

/** N, in, out, H, W: sizes that tiles of 4x4 cover and don't, few tiles and many, channels in one pass and several. */
const cases = [
  [1, 16, 16, 4, 4],
  [1, 16, 32, 1, 3],
  [2, 48, 64, 7, 5],
  [3, 32, 48, 17, 23],
  [5, 96, 80, 16, 16],
  [2, 672, 16, 9, 12],
  [1, 16, 208, 8, 8],
  [16, 160, 160, 8, 8],
] as const;

type Case = readonly [number, number, number, number, number];

function inputs([images, from, to, height, width]: Case, out = [height, width]) {
  const scale = Math.sqrt(3 / (9 * from));
  return {
    x: drawInput("x", { shape: [images, from, height, width], scale: 2 }, from),
    weight: drawInput("weight", { shape: [to, from, 3, 3], scale }, to),
    bias: drawInput("bias", { shape: [to], scale: 0.1 }, to),
    grad: drawInput("grad", { shape: [images, to, ...out], scale: 2 }, width),
  };
}

t.test("3x3 convolutions are exact to 5e-5 by Winograd's form, to 1e-5 directly", async (t) => {
  for (const size of cases) {
    const expected = runProbe("nn.convolution", { form: "double" }, inputs(size));
    const fast = runProbe("nn.convolution", { form: "winograd" }, inputs(size));
    const direct = runProbe("nn.convolution", { form: "direct" }, inputs(size));
    if (fast.out) assertClose(t, fast.out, expected.out, 5e-5, `winograd ${size}`);
    else t.comment("this CPU has no matrix kernel for it");
    assertClose(t, direct.out, expected.out, 1e-5, `direct ${size}`);
  }
});

t.test(
  "with neighbourhoods gathered for bf16's matrix unit they are exact to 1e-5, in bf16 to 0.02",
  { skip: hasMatrixUnit ? false : "this CPU has no AMX" },
  async (t) => {
    for (const size of [...cases, [34, 64, 48, 4, 4], [5, 160, 96, 9, 8], [2, 320, 32, 3, 70]] as const) {
      for (const stride of [1, 2]) {
        for (const [bf16, tolerance] of [
          [false, 1e-5],
          [true, 0.02],
        ] as const) {
          const { out, expected } = runProbe("nn.gathered_convolution", { bf16, stride }, inputs(size));
          t.equal(out !== undefined, size[1] % 32 === 0, "takes channels by 32");
          if (out) assertClose(t, out, expected, tolerance, `${size}, stride: ${stride}, bf16: ${bf16}`);
        }
      }
    }
  },
);

t.test("gradients are those of the direct form, whatever is trained", async (t) => {
  for (const size of cases) {
    for (const trained of [["x", "weight", "bias"], ["x"], ["weight", "bias"], ["bias"]]) {
      const geometry = { stride: 1, padding: 1, trained };
      const fast = runProbe("nn.convolution_gradients", { ...geometry, direct: false }, inputs(size));
      const direct = runProbe("nn.convolution_gradients", { ...geometry, direct: true }, inputs(size));
      t.strictSame(Object.keys(fast).sort(), ["out", ...trained].sort());
      for (const [name, tensor] of Object.entries(direct)) {
        assertClose(t, fast[name], tensor, 5e-5, `${name}, ${size}, trained ${trained}`);
      }
    }
  }
});

t.test("with a stride nothing differs", async (t) => {
  const given = inputs([3, 32, 48, 17, 23], [9, 12]);
  const config = { stride: 2, padding: 1, trained: ["x", "weight", "bias"] };
  const fast = runProbe("nn.convolution_gradients", { ...config, direct: false }, given);
  t.strictSame(fast, runProbe("nn.convolution_gradients", { ...config, direct: true }, given));
});
