import { join } from "node:path";
import t from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { drawCase, fixtures, readCase, runProbe } from "../../support/probes.js";
import type { Tensor } from "../../support/tensors.js";
import { throwsTyped } from "../../support/weights.js";

testCases("models", "latte");

const testCase = readCase(join(fixtures, "models", "latte-two-layers"));
const inputs = drawCase(testCase);

t.test("bf16 is near", async (t) => {
  const exact = runProbe("models.latte", testCase.config, inputs).sample as Tensor;
  const rough = runProbe("models.latte", testCase.config, inputs, {
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
      () => runProbe("models.latte", { ...testCase.config, ...change }, inputs),
      "ERR_WEIGHTS_FORMAT",
      ...parts,
    );
  refuse({ norm_type: "layer_norm" }, "norm_type", "ada_norm_single");
  refuse({ cross_attention_dim: 12 }, "cross_attention_dim", "16");
  refuse({ patch_size: 5 }, "patch_size");
  refuse({ activation_fn: "swiglu" }, "swiglu");
  refuse({ num_layers: 65 }, "num_layers");
});
