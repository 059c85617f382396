// Slow: it runs the kernels' tests again and again.
import t from "tap";
import { cpuFeatures } from "../../support/cpu.js";
import { bareNode } from "../../support/environment.js";

const here = cpuFeatures();
const [env, ...node] = bareNode;

t.test("the kernels use what the CPU has", async (t) => {
  t.equal(here.matrixUnit, here.amx && here.matrixKernel);
  t.equal(here.chosen, here.avx2);
});

/** With less of the CPU for our kernels alone, as `CAMEO_TEST_CPU` says, or for libtorch's, too. */
const cpus: [name: string, hidden: NodeJS.ProcessEnv, skip: string | false][] = [
  ["without AMX", { CAMEO_TEST_CPU: "avx512" }, here.amx ? false : "this CPU has no AMX"],
  ["by AVX2", { CAMEO_TEST_CPU: "avx2" }, false],
  ["by SSE2", { CAMEO_TEST_CPU: "none" }, false],
  [
    "on a CPU with AVX2",
    { CAMEO_TEST_CPU: "avx2", ATEN_CPU_CAPABILITY: "avx2", ONEDNN_MAX_CPU_ISA: "AVX2" },
    false,
  ],
  [
    "on a CPU without AVX2",
    { CAMEO_TEST_CPU: "none", ATEN_CPU_CAPABILITY: "default", ONEDNN_MAX_CPU_ISA: "SSE41" },
    false,
  ],
];

for (const [name, hidden, skip] of cpus) {
  const args = [...node, "build/test/native/cpu/kernels.js"];
  t.spawn(env, args, { env: { ...process.env, ...hidden }, skip }, `the kernels' tests ${name}`);
}
