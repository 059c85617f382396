// The memory of decoding 49 frames by that of 17, of the VAEs over time in models.json with random weights, at 64x64: a film goes
// through by chunks. Exits with 1 where it grows by more than a tenth.
//
//     npm run compile -- --tests && node bench/vaes/length.mjs [--threads 2]
import { parseArgs } from "node:util";
import { measure, printTable } from "../report.mjs";

const { values: options } = parseArgs({ options: { threads: { type: "string", default: "2" } } });
const bound = 1.1;

async function peak(name, frames) {
  const latents = `${(frames - 1) / 4 + 1},16,8,8`;
  const script = [process.execPath, "vaes/cameo_decode.mjs", name, "--latents", latents];
  return (await measure(script, options.threads)).peakBytes[0];
}

const rows = [];
for (const name of ["cogvideox", "wan"]) {
  const [short, long] = [await peak(name, 17), await peak(name, 49)];
  if (long / short > bound) process.exitCode = 1;
  rows.push([name, ...[short, long].map((bytes) => (bytes / 1e6).toFixed(0)), (long / short).toFixed(2)]);
}
printTable(["", "17 frames, MB", "49 frames, MB", `ratio (<= ${bound})`], rows);
