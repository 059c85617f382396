// Decoding by the VAEs in models.json against diffusers': random weights at the published sizes, 256x256, fp32. Both in turn, each
// time in a process of its own. Writes bench/results/vaes.json and .webp, and exits with 1 where a bound is broken.
//
//     pip install -r bench/requirements.txt && npm run compile -- --tests
//     node bench/vaes/run.mjs [--repeats 3] [--python python3] [--only svd,wan]
//
// The machine should have nothing else to do, and 10 GiB of memory free.
import { readFileSync } from "node:fs";
import { compareSides, readOptions } from "../comparison.mjs";

const { options } = readOptions({ python: "python3" });
const models = JSON.parse(readFileSync(new URL("models.json", import.meta.url), "utf8"));

const bounds = { decodeSeconds: 0.6, peakBytes: 0.7 };
const sidesOf = (name) => ({
  cameo: [process.execPath, "vaes/cameo_decode.mjs", name],
  diffusers: [options.python, "vaes/diffusers_decode.py", name],
});
await compareSides({
  name: "vaes",
  title: "Decoding a film: part of diffusers' time and memory",
  cases: Object.fromEntries(Object.keys(models).map((name) => [name, { sides: sidesOf(name), bounds }])),
  measures: { decodeSeconds: "a film, s", peakBytes: "memory with the weights, GiB" },
  options,
});
