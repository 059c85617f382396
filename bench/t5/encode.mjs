// Encodes two prompts of so many tokens by the encoder in a folder, and prints time and memory as one line of JSON.
//
//     node bench/t5/encode.mjs FOLDER [--by-block] [--tokens 226] [--dtype bf16]
//
// The memory is the process's largest resident size while it encodes (VmHWM): what it has allocated, and those pages of the mapped
// files that are mapped at the time, each once. What else of the files is in the system's cache is not the process's.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadLibtorch } from "#ts/libtorch/index.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "by-block": { type: "boolean", default: false },
    tokens: { type: "string", default: "226" },
    dtype: { type: "string", default: "bf16" },
  },
});

loadLibtorch({ cuda: false });
const addon = createRequire(import.meta.url)(
  fileURLToPath(new URL("../../build/test-addon/cameo_test.node", import.meta.url)),
);
const tokens = Number(options.tokens);
const ids = (first) => ({
  shape: [tokens],
  data: Float32Array.from({ length: tokens }, (_, i) => first + i),
});
const config = {
  folder: positionals[0],
  by_block: options["by-block"],
  dtype: options.dtype,
  padding: "seen",
  prompt: tokens,
  negative: tokens,
};
const inputs = { prompt: ids(5), negative: ids(1000) };
const { seconds, peak } = addon.run("families.t5_text", JSON.stringify(config), inputs);
console.log(JSON.stringify({ encodeSeconds: [...seconds.data], peakBytes: [...peak.data] }));
