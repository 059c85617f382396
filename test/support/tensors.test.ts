import t from "tap";
import { readCaseFile } from "./case_file.js";
import { assertClose } from "./compare.js";
import { readSafetensors } from "./safetensors.js";
import { drawInput, drawWeights, type InputSpec, type WeightTree } from "./tensors.js";

const folder = "test/fixtures/draws";

t.test("draws the same numbers as the script that makes the fixtures", async (t) => {
  const { seed, weights, inputs } = readCaseFile<{
    seed: number;
    weights: WeightTree;
    inputs: Record<string, InputSpec>;
  }>(folder);
  const { "pos_embed.pe": table, ...expected } = readSafetensors(`${folder}/expected.safetensors`);
  const { "pos_embed.pe": drawnTable, ...drawn } = drawWeights(weights, seed);
  for (const [name, spec] of Object.entries(inputs)) drawn[name] = drawInput(name, spec, seed);
  t.same(drawn, expected, "to the last bit");
  assertClose(t, drawnTable, table, 2e-7, "the table of positions");
});
