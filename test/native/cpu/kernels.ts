/** All tests of the kernels for CPUs in one process, which features.test.ts starts with some of the CPU hidden. */
import t from "tap";
import { cpuFeatures } from "../../support/cpu.js";
import "../nn/affine.test.js";
import "../nn/attention.test.js";
import "../nn/convolution.test.js";
import "../nn/feed_forward.test.js";
import "../nn/group_norm.test.js";

t.test("the CPU has no more than CAMEO_TEST_CPU leaves of it", async (t) => {
  const left = process.env.CAMEO_TEST_CPU;
  const { amx, matrixUnit, avx512, avx2, chosen } = cpuFeatures();
  t.strictSame({ amx, matrixUnit }, { amx: false, matrixUnit: false });
  if (left !== "avx512") t.notOk(avx512);
  if (left === "none") t.notOk(avx2);
  t.equal(chosen, avx2, "which copy of a function runs");
});
