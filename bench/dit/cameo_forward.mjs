// Evaluates CogVideoX-2B's transformer with drawn weights, and prints times and memory as one line of JSON.
//
//     OMP_NUM_THREADS=2 node bench/dit/cameo_forward.mjs [--layers 8] [--dtype fp32]
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadLibtorch } from "#ts/libtorch/index.js";

const { values: options } = parseArgs({
  options: { layers: { type: "string", default: "8" }, dtype: { type: "string", default: "fp32" } },
});

loadLibtorch({ cuda: false });
const addon = createRequire(import.meta.url)(
  fileURLToPath(new URL("../../build/test-addon/cameo_test.node", import.meta.url)),
);
const config = { num_layers: Number(options.layers), dtype: options.dtype, evaluations: 3 };
const { seconds, work, peak } = addon.run("bench.cogvideox", JSON.stringify(config), {});
console.log(
  JSON.stringify({
    evaluationSeconds: [...seconds.data],
    workBytes: [...work.data],
    peakBytes: [...peak.data],
  }),
);
