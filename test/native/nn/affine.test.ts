import t from "tap";
import { assertClose } from "../../support/compare.js";
import { hasMatrixUnit } from "../../support/cpu.js";
import { runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

/** Rows, in, out: what blocks of rows, panels of columns and passes over the input cover and don't. */
const cases = [
  [256, 32, 16],
  [257, 64, 80],
  [700, 672, 176],
  [1031, 1344, 64],
  [300, 96, 640],
] as const;

function inputs([rows, from, to]: readonly [number, number, number]) {
  return {
    x: drawInput("x", { shape: [rows, from], scale: 2 }, from),
    weight: drawInput("weight", { shape: [to, from], scale: Math.sqrt(3 / from) }, to),
    bias: drawInput("bias", { shape: [to], scale: 0.1 }, to),
    grad: drawInput("grad", { shape: [rows, to], scale: 2 }, rows),
  };
}

t.test(
  "products are exact to 1e-5, in bf16 to 0.02, whatever kernel computes them, and so are gradients",
  async (t) => {
    for (const size of cases) {
      const given = inputs(size);
      const expected = runProbe("nn.affine", { form: "double" }, given);
      for (const [form, tolerance] of [
        ["fast", 1e-5],
        ["plain", 3e-6],
        ["bf16", 0.02],
      ] as const) {
        const actual = runProbe("nn.affine", { form }, given);
        for (const name of ["out", "x", "weight", "bias"]) {
          assertClose(t, actual[name], expected[name], tolerance, `${form}, ${name}, ${size}`);
        }
      }
    }
  },
);

/** Whether the unit computes, and in which type, to which tolerance. */
const kernels = {
  "bf16's matrix unit, fp32": { matrix_unit: true, bf16: false, tolerance: 1e-5 },
  "bf16's matrix unit, bf16": { matrix_unit: true, bf16: true, tolerance: 0.02 },
  "vectors, fp32": { matrix_unit: false, bf16: false, tolerance: 3e-6 },
};

for (const [kernel, { tolerance, ...form }] of Object.entries(kernels)) {
  const skip = form.matrix_unit && !hasMatrixUnit ? "this CPU has no AMX" : false;
  t.test(
    `${kernel}: the weight lying either way, with a bias and more added and without`,
    { skip },
    async (t) => {
      for (const size of cases) {
        const given = inputs(size);
        const [rows, , to] = size;
        const zero = drawInput("bias", { shape: [to], scale: 0 }, to);
        for (const [bias, added] of [
          [true, false],
          [false, false],
          [true, true],
        ] as const) {
          const { out } = runProbe("nn.affine", { form: "double" }, bias ? given : { ...given, bias: zero });
          const expected = out && {
            ...out,
            data: out.data.map((value, i) => value + (added ? Number(given.grad.data[i]) : 0)),
          };
          for (const turned of [false, true]) {
            const config = { ...form, turned, bias, added };
            const actual = runProbe("nn.product", config, { ...given, added: given.grad });
            t.strictSame(actual.out?.shape, [rows, to]);
            const name = `${size}, bias: ${bias}, added: ${added}, turned: ${turned}`;
            assertClose(t, actual.out, expected, tolerance, name);
          }
        }
      }
    },
  );
}

t.test("what is not a number makes its row's results so, and no others", async (t) => {
  const given = inputs([256, 64, 32]);
  new Uint32Array(given.x.data.buffer)[64 * 3 + 5] = 0x7fffffff;
  for (const form of ["fast", "plain"]) {
    const { out } = runProbe("nn.affine", { form }, given);
    const rows = Array.from({ length: 256 }, (_, i) => [...(out?.data ?? []).slice(32 * i, 32 * (i + 1))]);
    t.ok(rows[3]?.every(Number.isNaN), form);
    t.ok(
      rows.every((row, i) => i === 3 || row.every(Number.isFinite)),
      form,
    );
  }
});
