import { join } from "node:path";
import t from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { drawCase, fixtures, readCase, runProbe } from "../../support/probes.js";
import type { Tensor } from "../../support/tensors.js";
import { throwsTyped } from "../../support/weights.js";

testCases("models", "wan");

const testCase = readCase(join(fixtures, "models", "wan-two-layers"));
const inputs = drawCase(testCase);

t.test("bf16 is near", async (t) => {
  const exact = runProbe("models.wan", testCase.config, inputs).sample as Tensor;
  const rough = runProbe("models.wan", testCase.config, inputs, {
    device: "cpu",
    dtype: "bf16",
    exact: [],
  }).sample;
  assertClose(t, rough, exact, 0.05, "bf16");
});

t.test("a config that makes no such transformer is refused by its field", async (t) => {
  const refuse = (change: object, ...parts: string[]) =>
    throwsTyped(
      t,
      () => runProbe("models.wan", { ...testCase.config, ...change }, inputs),
      "ERR_WEIGHTS_FORMAT",
      ...parts,
    );
  refuse({ attention_head_dim: 7 }, "attention_head_dim", "even");
  refuse({ patch_size: [2, 2, 2] }, "patch_size");
  refuse({ patch_size: [1, 2, 4] }, "patch_size");
  refuse({ added_kv_proj_dim: 12 }, "added_kv_proj_dim", "32");
  refuse({ num_layers: 65 }, "num_layers");
});
