import { join } from "node:path";
import { test } from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { drawCase, fixtures, readCase, runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";

testCases("models", "cogvideox");

const folder = join(fixtures, "models/cogvideox-rotary-wide");

test("without kernels of its own it gives the same", (t) => {
  const { probe, config, ...drawn } = readCase(folder);
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  const { latents } = runProbe(probe, { ...config, plain: true }, drawCase(drawn));
  assertClose(t, latents, expected.latents, 1e-5, "latents");
  t.end();
});

test("it stops within an evaluation", (t) => {
  const { probe, config, ...drawn } = readCase(folder);
  t.throws(() => runProbe(probe, { ...config, cancelled: true }, drawCase(drawn)), { code: "ERR_ABORTED" });
  t.end();
});
