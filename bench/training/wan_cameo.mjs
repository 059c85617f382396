// Trains wan.json's transformer with cameo in fp32 on the CPU, and prints times and memory as one line of JSON.
//
//     OMP_NUM_THREADS=2 node bench/training/wan_cameo.mjs [--checkpointing] [--steps 4]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadLibtorch } from "#ts/libtorch/index.js";

const { values } = parseArgs({
  options: { checkpointing: { type: "boolean", default: false }, steps: { type: "string", default: "4" } },
});
const model = JSON.parse(readFileSync(new URL("wan.json", import.meta.url), "utf8"));

loadLibtorch({ cuda: false });
const addon = createRequire(import.meta.url)(
  fileURLToPath(new URL("../../build/test-addon/cameo_test.node", import.meta.url)),
);
const work = { ...model, steps: Number(values.steps), recompute: values.checkpointing };
const { seconds, cpuSeconds, losses, bytes, peak } = addon.run("bench.flow_steps", JSON.stringify(work), {});
console.log(
  JSON.stringify({
    stepSeconds: [...seconds.data],
    stepCpuSeconds: [...cpuSeconds.data],
    workBytes: [...bytes.data],
    peakBytes: [...peak.data],
    losses: [...losses.data],
  }),
);
