import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { safetensors } from "../../support/fuzz/build.js";
import { readSafetensors } from "../../support/safetensors.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

const fixtures = join("test", "fixtures", "weights");
const { e4m3, e5m2 } = readSafetensors(join(fixtures, "fp8_expected.safetensors"));
const numbers = (tensor?: { data: ArrayLike<number> }) => Array.from(tensor?.data ?? []);

interface Read {
  dtypes: Record<string, string>;
}

// What is not a number stays that: `same` knows NaN from all else.
for (const file of ["fp8.safetensors", "fp8.bin", "fp8_legacy.bin"]) {
  t.test(`${file}: all numbers of both types are what torch makes of them`, async (t) => {
    const path = join(fixtures, file);
    const { tensors, details } = runWeights<Read>("read", { path });
    t.match(details.dtypes, { e4m3: "fp8 e4m3", e5m2: "fp8 e5m2" });
    t.ok(numbers(e4m3).some(Number.isNaN) && numbers(e5m2).some(Number.isNaN));
    t.same(numbers(tensors.e4m3), numbers(e4m3));
    t.same(numbers(tensors.e5m2), numbers(e5m2));
    const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape]);
    const parameters = Object.fromEntries(shapes);
    for (const bf16 of [false, true]) {
      const { tensors: loaded } = runWeights("load", { paths: [path], parameters, bf16 });
      t.same(numbers(loaded.e4m3), numbers(e4m3), "bf16 holds them all");
      t.same(numbers(loaded.e5m2), numbers(e5m2));
    }
    t.match(runWeights("inspect", { path }).details, { dtypes: { "fp8 e5m2": 1 }, fingerprint: /./ });
  });
}

t.test("parts of a pickled tensor are read by their strides", async (t) => {
  const { tensors } = runWeights("read", { path: join(fixtures, "fp8.bin") });
  const all = numbers(e4m3);
  t.same(
    numbers(tensors.column),
    all.filter((_, i) => i % 16 === 3),
  );
  t.same(
    numbers(tensors.transposed),
    all.map((_, i) => all[(i % 16) * 16 + (i >> 4)]),
  );
});

t.test("other fp8 types are refused by name", async (t) => {
  const read = (file: string) => () => runWeights("read", { path: join(fixtures, file) });
  throwsTyped(t, read("float8.safetensors"), "ERR_WEIGHTS_FORMAT", '"F8_E4M3FNUZ"', "convert");
  throwsTyped(t, read("float8.bin"), "ERR_WEIGHTS_FORMAT", '"float8_e4m3fnuz"', "not supported");
});

t.test("fp8 with scales beside it is refused by the scale's name", async (t) => {
  for (const name of ["scaled_fp8", "m.scaled_fp8", "m.scale_weight", "m.weight_scale", "m.comfy_quant"]) {
    const path = join(t.testdir(), "w.safetensors");
    const weight = { dtype: "F8_E4M3", shape: [4], data_offsets: [4, 8] };
    const scale = { dtype: "F32", shape: [], data_offsets: [0, 4] };
    writeFileSync(path, safetensors({ "m.weight": weight, [name]: scale }, Buffer.alloc(8)));
    throwsTyped(t, () => runWeights("read", { path }), "ERR_WEIGHTS_FORMAT", path, name, "plain fp8");
  }
});
