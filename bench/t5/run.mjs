// A text encoder of T5 v1.1 XXL's shapes, read from its files block by block, against the same in memory: time and memory of
// encoding two prompts. Each in turn, in a process of its own. Writes bench/results/t5.json, and exits with 1 where a bound is broken.
//
//     pip install -r bench/requirements.txt && npm run compile -- --tests
//     python bench/t5/make_encoder.py /tmp/t5-xxl
//     node bench/t5/run.mjs --folder /tmp/t5-xxl [--repeats 3]
//
// It takes 9.5 GB of disk and as much memory.
import { compareSides, readOptions } from "../comparison.mjs";

const { options } = readOptions({ folder: "" });

const encode = [process.execPath, "t5/encode.mjs", options.folder];
await compareSides({
  name: "t5",
  title: "T5 v1.1 XXL block by block: part of the time and memory that it takes in memory",
  cases: {
    bf16: {
      sides: { cameo: [...encode, "--by-block"], "in memory": encode },
      bounds: { encodeSeconds: 1.5, peakBytes: 0.42 },
    },
  },
  measures: { encodeSeconds: "encoding, s", peakBytes: "largest resident size, GiB" },
  options,
});
