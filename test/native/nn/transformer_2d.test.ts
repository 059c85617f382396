import { join } from "node:path";
import { test } from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { drawCase, fixtures, readCase, runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

testCases("nn", "transformer_2d");

test("where each frame has its own text, it is as a sample by itself", (t) => {
  const { probe, config, ...drawn } = readCase(join(fixtures, "nn", "transformer_2d-conv"));
  const texts = drawInput("texts", { shape: [2, 3, 5, 12], scale: 2 }, 4);
  const tensors = drawCase(drawn);
  const { out } = runProbe(probe, config, { ...tensors, text: texts });
  const alone = { ...tensors, text: { shape: [6, 5, 12], data: texts.data } };
  assertClose(t, out, runProbe(probe, { ...config, frames: 1 }, alone).out, 1e-5, "out");
  t.end();
});
