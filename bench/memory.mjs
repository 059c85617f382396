// What a process keeps of the models that it has closed: resident memory after the tenth and after the last time
// that one is loaded, used and closed. Exits with 1 where it grew by more than the bound between the two.
//
//     node bench/memory.mjs [--base DIR [--motion DIR] [--subject FILE]] [--reference IMAGE]
//         [--frames 2] [--size 64] [--steps 2] [--times 50]
//
// Without --base it is the model that ships. JavaScript's garbage is collected each time: what V8 has not got round to yet
// is nothing that is kept.
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Pipeline } from "cameo";
import { printTable } from "./report.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    base: text,
    motion: text,
    subject: text,
    reference: { ...text, default: "examples/critter.png" },
    frames: { ...text, default: "2" },
    size: { ...text, default: "64" },
    steps: { ...text, default: "2" },
    times: { ...text, default: "50" },
  },
});
const { base, motion, subject, reference, frames, size, steps, times } = values;
const bound = 1.03;
const firstLook = Math.min(10, Number(times));

async function useOnce(seed) {
  const pipe = await Pipeline.load({ base, motion, subject, device: "cpu" });
  const request = { width: Number(size), height: Number(size), frames: Number(frames), steps: Number(steps) };
  const references = pipe.describe().subject === null ? {} : { reference };
  await pipe.sample({ prompt: "A fox dancing.", ...references, ...request, seed });
  await pipe.close();
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
const samples = [];
for (let time = 1; time <= Number(times); time++) {
  await useOnce(time);
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  samples.push({ time, residentBytes: process.memoryUsage.rss(), heapUsed, external });
}
const looks = samples.filter(({ time }) => time === 1 || time % firstLook === 0);
printTable(
  ["closed models", "resident, MiB", "JavaScript, MiB", "buffers, MiB"],
  looks.map(({ time, residentBytes, heapUsed, external }) => {
    return [time, ...[residentBytes, heapUsed, external].map(mebibytes)];
  }),
);
const [before, after] = [samples[firstLook - 1], samples.at(-1)].map(({ residentBytes }) => residentBytes);
const ratio = after / before;
console.log(
  `after ${firstLook}: ${mebibytes(before)} MiB, after ${times}: ${mebibytes(after)} MiB, ` +
    `${ratio.toFixed(3)} x (bound ${bound})`,
);
process.exitCode = ratio > bound ? 1 : 0;
