// Decodes once with random weights, and prints its seconds and its peak of memory in MB as JSON: of the process that `run.mjs`
// starts.
//
//     node bench/causal_vae/decode.mjs '{"vae": {...}, "latents": 3, "height": 32, "width": 32, "tiles": false, "seed": 1}'
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { loadLibtorch } from "#ts/libtorch/index.js";

loadLibtorch({ cuda: false });
const addon = createRequire(import.meta.url)(
  fileURLToPath(new URL("../../build/test-addon/cameo_test.node", import.meta.url)),
);
const { seconds, frames } = addon.run("bench.causal_vae_decode", process.argv[2], {});
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const result = {
  seconds: seconds.data[0],
  frames: frames.data[0],
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  megabytes: maxRSS / 1024,
};
console.log(JSON.stringify(result));
