#!/usr/bin/env node
// What the options that save work cost in quality, and what they save: the same films with each of them in turn.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import { Command, Option } from "commander";
import { number } from "#ts/cli/flags.js";
import { interruptible } from "#ts/cli/interrupt.js";
import { median } from "#ts/median.js";
import { psnr } from "#ts/shipped_model/familiarity.js";
import { progressBar, runProgram } from "../command.js";
import { type Case, casesOf, frames, referenceOf, size } from "./cases.js";
import { FilmFolder } from "./film_folder.js";

interface Flags {
  cases: number;
  split: "validation" | "test";
  steps: number;
}

const variants: Readonly<Record<string, Partial<SampleRequest>>> = {
  whole: {},
  "cache-2": { cacheInterval: 2 },
  "cache-3": { cacheInterval: 3 },
  "cache-3-layers-2": { cacheInterval: 3, cacheLayers: 2 },
  "cache-5-layers-2": { cacheInterval: 5, cacheLayers: 2 },
  "guidance-0-0.6": { guidanceRange: [0, 0.6] },
  "guidance-0.2-0.8": { guidanceRange: [0.2, 0.8] },
  "merge-0.3": { tokenMerging: 0.3 },
  "merge-0.5": { tokenMerging: 0.5 },
  "cache-2-guidance-0-0.6": { cacheInterval: 2, guidanceRange: [0, 0.6] },
};

class Variant {
  readonly seconds: number[] = [];
  readonly psnr: number[] = [];

  constructor(
    readonly name: string,
    readonly changes: Partial<SampleRequest>,
    readonly folder: FilmFolder,
  ) {}

  async sample(pipe: Pipeline, one: Case, request: SampleRequest): Promise<Uint8Array> {
    const start = performance.now();
    const video = await pipe.sample({ ...request, ...this.changes });
    this.seconds.push((performance.now() - start) / 1000);
    await this.folder.add([{ of: one, pixels: video.frames }]);
    return video.frames;
  }

  report(whole: Variant) {
    const ratios = this.seconds.map((seconds, i) => seconds / (whole.seconds[i] ?? Number.NaN));
    return { seconds: median(this.seconds), ratio: median(ratios), psnr: median(this.psnr) };
  }
}

async function measure(out: string, { cases, split, steps }: Flags): Promise<void> {
  const all = await Promise.all(
    Object.entries(variants).map(
      async ([name, changes]) => new Variant(name, changes, await FilmFolder.open(join(out, name))),
    ),
  );
  const [whole] = all;
  if (!whole) return;
  const bar = progressBar("sample", "films");
  await interruptible(async (signal) => {
    await using pipe = await Pipeline.load({ signal });
    bar.start(cases * all.length, 0);
    const shared = { frames, width: size, height: size, steps, negativePrompt: "", signal };
    for (const one of casesOf(split, cases)) {
      const request = { ...shared, prompt: one.clip.caption, seed: one.index, reference: referenceOf(one) };
      let expected: Uint8Array | undefined;
      for (const variant of all) {
        const film = await variant.sample(pipe, one, request);
        expected ??= film;
        variant.psnr.push(psnr(film, expected));
        bar.increment();
      }
    }
  }).finally(() => bar.stop());
  const report = Object.fromEntries(all.map((variant) => [variant.name, variant.report(whole)]));
  await writeFile(join(out, "less_work.json"), `${JSON.stringify(report, null, 2)}\n`);
  console.table(report);
}

const program = new Command("less-work")
  .description("measure the options that save work, with the model that ships; evaluate.py judges the films")
  .argument("<folder>", "where to, a new one")
  .option("--cases <n>", "films of each", number, 20)
  .addOption(
    new Option("--split <name>", "of subjects").choices(["validation", "test"]).default("validation"),
  )
  .option("--steps <n>", "denoising steps", number, 30)
  .action(measure);

await runProgram(program);
