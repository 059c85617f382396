// Evaluates one of models.json's networks with drawn weights, and prints times and memory as one line of JSON.
//
//     OMP_NUM_THREADS=2 node bench/denoisers/cameo_forward.mjs svd [--dtype fp32]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadLibtorch } from "#ts/libtorch/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { dtype: { type: "string", default: "fp32" } },
});
const models = JSON.parse(readFileSync(new URL("models.json", import.meta.url), "utf8"));

loadLibtorch({ cuda: false });
const addon = createRequire(import.meta.url)(
  fileURLToPath(new URL("../../build/test-addon/cameo_test.node", import.meta.url)),
);
const work = { ...models[positionals[0]], dtype: values.dtype, evaluations: 2 };
const { seconds, cpuSeconds, bytes, peak } = addon.run("bench.denoiser", JSON.stringify(work), {});
console.log(
  JSON.stringify({
    evaluationSeconds: [...seconds.data],
    evaluationCpuSeconds: [...cpuSeconds.data],
    workBytes: [...bytes.data],
    peakBytes: [...peak.data],
  }),
);
