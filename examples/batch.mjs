// A video for every line of a list: node batch.mjs list.csv videos/
//
// The list's columns are reference, prompt, output and, where wanted, seed; paths are relative to the list. A video that
// is there already is left alone, so that a batch that was stopped goes on where it was. --base, --motion and --subject
// name the files of a model. Needs `npm install csv-parse`.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Pipeline } from "cameo";
import { parse } from "csv-parse/sync";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ base: { type: "string" }, motion: { type: "string" }, subject: { type: "string" } },
    frames: { type: "string", default: "16" },
  },
});
const { frames, ...model } = values;
const [list, folder] = positionals;
const rows = parse(readFileSync(list), { columns: true, trim: true, skip_empty_lines: true });
mkdirSync(folder, { recursive: true });

// One model serves all: loading takes longer than a short video.
const pipe = await Pipeline.load(model);
let failed = 0;
for (const { reference, prompt, output, seed } of rows) {
  const path = join(folder, output);
  if (existsSync(path)) continue;
  try {
    const video = await pipe.sample({
      prompt,
      reference: resolve(dirname(list), reference),
      frames: Number(frames),
      seed: seed ? Number(seed) : 0,
    });
    // It appears under this name only when it is whole.
    await video.save(path);
    console.log(path);
  } catch (error) {
    // One bad picture should not end the night's work.
    failed++;
    console.error(`${output}: ${error.message}`);
  }
}
await pipe.close();
process.exitCode = failed > 0 ? 1 : 0;
