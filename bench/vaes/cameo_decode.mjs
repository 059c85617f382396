// Decodes a film by one of models.json's VAEs with drawn weights, and prints its time and memory as one line of JSON.
//
//     OMP_NUM_THREADS=2 node bench/vaes/cameo_decode.mjs svd [--latents 3,16,8,8]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadLibtorch } from "#ts/libtorch/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { latents: { type: "string" } },
});
const { latents, ...model } = JSON.parse(readFileSync(new URL("models.json", import.meta.url), "utf8"))[
  positionals[0]
];
const shape = values.latents?.split(",").map(Number) ?? latents;

loadLibtorch({ cuda: false });
const addon = createRequire(import.meta.url)(
  fileURLToPath(new URL("../../build/test-addon/cameo_test.node", import.meta.url)),
);
const { seconds } = addon.run("bench.vae_decode", JSON.stringify({ ...model, latents: shape }), {});
const { maxRSS } = process.resourceUsage();
console.log(JSON.stringify({ decodeSeconds: [seconds.data[0]], peakBytes: [maxRSS * 1024] }));
